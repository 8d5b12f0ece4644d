//! Answers that are kept.

use std::sync::{Mutex, PoisonError};

use crate::Result;

/// An answer, or why there is none, for each question that was asked; there are few.
#[derive(Debug)]
pub(super) struct Kept<K, V>(Mutex<Vec<(K, Result<V>)>>);

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: PartialEq + Clone, V: Clone> Kept<K, V> {
    /// The answer to a question, made when it is asked for the first time.
    pub(super) fn get(&self, key: &K, make: impl FnOnce() -> Result<V>) -> Result<V> {
        // A panic while it was held leaves the list as good as it was.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, answer)) = kept.iter().find(|(known, _)| known == key) {
            return answer.clone();
        }
        let answer = make();
        kept.push((key.clone(), answer.clone()));
        answer
    }
}
