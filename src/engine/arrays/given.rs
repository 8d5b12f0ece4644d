//! Arrays of a user's file as the inputs of a model.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::npz::{self, Member};
use super::{exact, npy};
use crate::runtime::Array;
use gnet_core::graph::{DType, Dim, Sizes, Stated, shape_text};
use gnet_core::words::counted;
use gnet_core::{Error, Result, files};

/// Identity of a file of arrays, for a record and for the process that reads it.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ArrayFile {
    /// Path as it was given.
    pub path: PathBuf,
    /// SHA-256 of the file in lower-case hexadecimal digits.
    pub sha256: String,
}

/// Arrays of a file of NumPy's, for the inputs of a model: those of a `.npz` by name, that of a `.npy` for the only input.
///
/// ```
/// # use gnet_engine as gnet;
/// use gnet::arrays::{self, Given};
/// use gnet_core::graph::{DType, Dim, Sizes, Stated, Tensor};
///
/// # let folder = std::env::temp_dir().join(format!("gnet-arrays-{}", std::process::id()));
/// # std::fs::create_dir(&folder).unwrap();
/// let path = folder.join("x.npz");
/// arrays::write(&path, &[("x".to_owned(), Tensor::from_f32(vec![2, 3], &[0.5; 6])?)])?;
///
/// let given = Given::open(&path)?;
/// let shape = [Dim::symbol("N"), Dim::Known(3)];
/// let (_, batch) = given.fit(&[Stated { name: "x", shape: Some(&shape) }], &Sizes::none())?;
/// assert_eq!(batch, 2);
/// assert_eq!(given.arrays(&[("x", DType::F32)])?[0].data, [0.5; 6]);
/// # std::fs::remove_dir_all(&folder).unwrap();
/// # Ok::<(), gnet_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Given {
    file: ArrayFile,
    bytes: Bytes,
    members: Vec<Member>,
}

/// Name that NumPy gives to the first array of `np.savez(FILE, x)`, which has none.
const UNNAMED: &str = "arr_0";

impl Given {
    /// Opens a file and reads what it says of its arrays, but no elements.
    ///
    /// # Errors
    /// Fails if it is missing, if it is not a file of arrays, or if it is damaged or claims more than it can hold.
    pub fn open(path: &Path) -> Result<Self> {
        let bytes = files::map(path)?;
        let (_, sha256) = files::digest::of(&bytes[..]).map_err(|e| Error::file(path, e))?;
        let members = npz::members(&bytes).map_err(|e| e.in_file(path))?;
        Ok(Self { file: ArrayFile { path: path.to_path_buf(), sha256 }, bytes, members })
    }

    /// Opens a file that another process has described.
    ///
    /// # Errors
    /// Those of [`open`](Self::open); also fails if it is not the same any more.
    pub fn again(file: &ArrayFile) -> Result<Self> {
        let given = Self::open(&file.path)?;
        if given.file != *file {
            return Err(
                Error::file(&file.path, "was replaced or changed while it was used").remedy("run the command again")
            );
        }
        Ok(given)
    }

    /// Returns what identifies the file.
    pub fn file(&self) -> &ArrayFile {
        &self.file
    }

    /// Returns the sizes with which a model with these inputs takes the arrays, and their batch. The batch stays open where
    /// the model leaves it open, so that an engine may split it, unless the arrays have several.
    ///
    /// # Errors
    /// Fails if an input has no array or an array no input, or if the shapes are not those of the inputs, at `sizes` if
    /// there are any.
    pub fn fit(&self, inputs: &[Stated<'_>], sizes: &Sizes) -> Result<(Sizes, usize)> {
        let names: Vec<&str> = inputs.iter().map(|input| input.name).collect();
        let members = self.members_of(&names)?;
        for (input, member) in inputs.iter().zip(&members) {
            check_shape(input, &member.header.shape).map_err(|e| self.named(member, e))?;
        }
        let shapes: Vec<&[usize]> = members.iter().map(|member| &member.header.shape[..]).collect();
        fitted(inputs, &shapes, sizes, true).or_else(|_| fitted(inputs, &shapes, sizes, false)).map_err(|e| {
            match e.remedy_text() {
                Some(_) => e.in_file(&self.file.path),
                None => e
                    .in_file(&self.file.path)
                    .remedy("give arrays that agree on the batch and the other sizes of the inputs"),
            }
        })
    }

    /// Reads the arrays of inputs with these names and element types, in their order.
    ///
    /// # Errors
    /// Fails if an input has no array or an array no input, if an array has another element type, if its elements cannot be
    /// read, or on a number that [`Array`] does not hold exactly.
    pub fn arrays(&self, inputs: &[(&str, DType)]) -> Result<Vec<Array>> {
        let names: Vec<&str> = inputs.iter().map(|(name, _)| *name).collect();
        let members = self.members_of(&names)?;
        for ((_, dtype), member) in inputs.iter().zip(&members) {
            exact::check_type(member.header.dtype, *dtype).map_err(|e| self.named(member, e))?;
        }
        let read = |((_, dtype), member): (&(&str, DType), &&Member)| {
            let tensor = member.elements(&self.bytes).map_err(|e| e.in_file(&self.file.path))?;
            exact::array(&tensor, *dtype).map_err(|e| self.named(member, e))
        };
        inputs.iter().zip(&members).map(read).collect()
    }

    /// Returns the member for each input.
    fn members_of(&self, names: &[&str]) -> Result<Vec<&Member>> {
        let is_unnamed = |member: &Member| member.name.as_deref().is_none_or(|name| name == UNNAMED);
        if let ([only], [_]) = (&self.members[..], names)
            && is_unnamed(only)
        {
            return Ok(vec![only]);
        }
        let held: Vec<_> = self.members.iter().filter_map(|member| member.name.as_deref()).collect();
        let pairs: Vec<_> = names.iter().map(|name| format!("{name:?}: ..")).collect();
        let wrong = |reason: String| {
            let save = format!("np.savez(FILE, **{{{}}})", pairs.join(", "));
            let held = if held.is_empty() { String::new() } else { format!("it holds {}; ", held.join(", ")) };
            Err(Error::file(&self.file.path, reason).remedy(format!("{held}save what the model takes: {save}")))
        };
        let mut members = Vec::with_capacity(names.len());
        for name in names {
            match self.members.iter().find(|member| member.name.as_deref() == Some(*name)) {
                Some(member) => members.push(member),
                None if self.members.iter().any(|member| member.name.is_none()) => {
                    let inputs = counted(names.len(), "input");
                    return wrong(format!("holds one array without a name, and the model takes {inputs}"));
                }
                None => return wrong(format!("holds no array for the input '{name}'")),
            }
        }
        match held.iter().find(|name| !names.contains(name)) {
            Some(name) => wrong(format!("array '{name}': the model has no input of this name")),
            None => Ok(members),
        }
    }

    fn named(&self, member: &Member, error: Error) -> Error {
        member.named(error).in_file(&self.file.path)
    }
}

/// Refuses a shape that an input does not have, whatever the sizes that it leaves open.
fn check_shape(input: &Stated<'_>, shape: &[usize]) -> Result<()> {
    let refused =
        |reason: String| Err(Error::input(Error::THE_FILE, format!("has the shape {}, {reason}", npy::shown(shape))));
    if shape.contains(&0) {
        return refused("which holds nothing to compute with".to_owned())
            .map_err(|e| e.remedy("give one sample at least"));
    }
    let Some(stated) = input.shape else { return Ok(()) };
    let fits = |(dim, size): (&Dim, &usize)| dim.known().is_none_or(|known| known == *size);
    if stated.len() == shape.len() && stated.iter().zip(shape).all(fits) {
        return Ok(());
    }
    refused(format!("and the input '{}' takes {}", input.name, scalar_or(stated)))
        .map_err(|e| e.remedy("reshape it where it is made, such as x[np.newaxis] for a batch of one"))
}

fn scalar_or(shape: &[Dim]) -> String {
    if shape.is_empty() { "a scalar".to_owned() } else { shape_text(shape) }
}

/// Returns the sizes that arrays of these shapes give, beside those of a caller, and the batch. With `open`, the first axis of
/// an input stays open where the model leaves it open.
fn fitted(inputs: &[Stated<'_>], shapes: &[&[usize]], given: &Sizes, open: bool) -> Result<(Sizes, usize)> {
    let mut sizes = given.clone();
    for (input, shape) in inputs.iter().zip(shapes) {
        let size = |(axis, size): (usize, &usize)| match input.shape.and_then(|stated| stated.get(axis)) {
            Some(Dim::Known(_)) => "?".to_owned(),
            Some(_) if open && axis == 0 => "?".to_owned(),
            _ => size.to_string(),
        };
        sizes.extend(Sizes::shape(input.name, &shape.iter().enumerate().map(size).collect::<Vec<_>>())?);
    }
    let fed = sizes.fed(inputs)?;
    let batched = (0..shapes.len()).find(|input| fed.is_batched(*input));
    let first = batched.and_then(|input| shapes[input].first()).copied();
    let batch = fed.fixed_batch().or(first).unwrap_or(1);
    match fed.at(batch)?.iter().zip(shapes).zip(inputs).find(|((fed, shape), _)| fed[..] != shape[..]) {
        None => Ok((sizes, batch)),
        Some(((fed, shape), input)) => {
            let reason =
                format!("has the shape {}, and {} follows from the others", npy::shown(shape), npy::shown(fed));
            Err(Error::input(format!("array of the input '{}'", input.name), reason))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gnet_core::graph::Tensor;

    /// Writes arrays of zeros of these shapes.
    fn given(arrays: &[(&str, &[usize])]) -> (tempfile::TempDir, Given) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npz");
        let zeros = |shape: &[usize]| Tensor::from_f32(shape.to_vec(), &vec![0.0; shape.iter().product()]).unwrap();
        let arrays: Vec<_> = arrays.iter().map(|(name, shape)| ((*name).to_owned(), zeros(shape))).collect();
        super::super::write(&path, &arrays).unwrap();
        let given = Given::open(&path).unwrap();
        (folder, given)
    }

    /// Returns what fitting the arrays to inputs of these shapes gives: the sizes and the batch, or the error and its remedy.
    fn fit(arrays: &[(&str, &[usize])], inputs: &[(&str, &str)], sizes: &Sizes) -> String {
        let dim = |text: &str| text.parse().map_or_else(|_| Dim::parse(text), Dim::Known);
        let shapes: Vec<Vec<Dim>> =
            inputs.iter().map(|(_, text)| text.split(' ').filter(|dim| !dim.is_empty()).map(dim).collect()).collect();
        let stated = |((name, _), shape)| Stated { name, shape: Some(shape) };
        let stated: Vec<_> = inputs.iter().copied().zip(shapes.iter().map(Vec::as_slice)).map(stated).collect();
        let (_folder, given) = given(arrays);
        match given.fit(&stated, sizes) {
            Ok((sizes, batch)) => format!("{sizes} batch {batch}"),
            Err(error) => {
                let text = error.to_string();
                let (_, reason) = text.split_once("x.npz: ").unwrap();
                format!("{reason} | {}", error.remedy_text().unwrap_or_default())
            }
        }
    }

    #[test]
    fn the_batch_stays_open_and_other_sizes_follow_from_the_arrays() {
        let fit = |arrays: &[(&str, &[usize])], inputs: &[(&str, &str)]| fit(arrays, inputs, &Sizes::none());
        assert_eq!(fit(&[("x", &[4, 3])], &[("x", "N 3")]), "--input x=?,? batch 4");
        assert_eq!(fit(&[("x", &[4, 3])], &[("x", "4 3")]), "--input x=?,? batch 4");
        assert_eq!(fit(&[("x", &[4, 7])], &[("x", "N T")]), "--input x=?,7 batch 4");
        assert_eq!(
            fit(&[("y", &[4, 7]), ("x", &[4, 1, 7])], &[("x", "N 1 T"), ("y", "N T")]),
            "--input x=?,?,7 --input y=?,7 batch 4"
        );
        // Inputs of two lengths leave no batch.
        assert_eq!(
            fit(&[("x", &[4, 3]), ("y", &[9])], &[("x", "N 3"), ("y", "M")]),
            "--input x=4,? --input y=9 batch 4"
        );
        assert_eq!(fit(&[("s", &[]), ("x", &[4])], &[("s", ""), ("x", "N")]), "--input s= --input x=? batch 4");
        assert_eq!(fit(&[("arr_0", &[4, 3])], &[("x", "N 3")]), "--input x=?,? batch 4", "NumPy's name of none");
    }

    #[test]
    fn what_does_not_fit_is_named_with_what_to_do() {
        for (arrays, inputs, says) in [
            (
                &[("x", &[4, 3][..])][..],
                &[("x", "N 4")][..],
                "array 'x': has the shape [4, 3], and the input 'x' takes N x 4 | reshape it",
            ),
            (&[("x", &[3])], &[("x", "N 3")], "array 'x': has the shape [3], and the input 'x' takes N x 3"),
            (&[("x", &[1])], &[("x", "")], "and the input 'x' takes a scalar"),
            (&[("x", &[0, 3])], &[("x", "N 3")], "array 'x': has the shape [0, 3], which holds nothing"),
            (&[("x", &[4]), ("y", &[5])], &[("x", "N"), ("y", "N")], "N would be both 4 and 5"),
            (
                &[("z", &[4])],
                &[("x", "N")],
                "holds no array for the input 'x' | it holds z; save what the model takes: np.savez(FILE, **{\"x\": ..})",
            ),
            (
                &[("x", &[4])],
                &[("x", "N"), ("y", "N")],
                "holds no array for the input 'y' | it holds x; save what the model takes: np.savez(FILE, **{\"x\": .., \"y\": ..})",
            ),
            (&[("x", &[4]), ("z", &[4])], &[("x", "N")], "array 'z': the model has no input of this name"),
            (&[], &[("x", "N")], "holds no array for the input 'x' | save what"),
        ] {
            let found = fit(arrays, inputs, &Sizes::none());
            assert!(found.contains(says), "{says}\n{found}");
        }
        let found = fit(&[("x", &[4, 3])], &[("x", "N T")], &Sizes::dim("T", 5));
        assert!(found.contains("T would be both") || found.contains("given"), "{found}");
    }

    #[test]
    fn an_array_without_a_name_feeds_the_only_input() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        let (header, data) = npy::written(&Tensor::from_f32(vec![2], &[1.0, 2.0]).unwrap()).unwrap();
        files::write(&path, &[header, data].concat()).unwrap();
        let given = Given::open(&path).unwrap();
        assert_eq!(given.arrays(&[("input.1", DType::F32)]).unwrap()[0].data, [1.0, 2.0]);
        let error = given.arrays(&[("a", DType::F32), ("b", DType::F32)]).unwrap_err().to_string();
        assert!(error.ends_with("x.npy: holds one array without a name, and the model takes 2 inputs"), "{error}");
        let error = given.arrays(&[("a", DType::I64)]).unwrap_err().to_string();
        assert!(error.ends_with("x.npy: is float32, and the input takes int64"), "{error}");
        assert!(Given::again(given.file()).is_ok());
        files::write(&path, b"\x93NUMPY").unwrap();
        assert!(Given::again(given.file()).unwrap_err().to_string().ends_with("ends within its header"));
        let other = [npy::written(&Tensor::from_f32(vec![1], &[1.0]).unwrap()).unwrap().0, vec![0; 4]].concat();
        files::write(&path, &other).unwrap();
        assert!(Given::again(given.file()).unwrap_err().to_string().contains("was replaced or changed"));
    }
}
