//! Times as runs of a network take them, from a seed: skewed, and each a little like the one before.

/// A stationary series with a known median: the exponential of a Gaussian one in which each value is `dependence` times the
/// one before and new noise. Of 30 processes of an ONNX Runtime on two cores the spread was 29 % and the dependence 0.16.
pub(super) struct Noise {
    state: u64,
    dependence: f64,
    last: f64,
}

impl Noise {
    /// True median of the series, in nanoseconds.
    pub(super) const MEDIAN: u64 = 1_000_000;
    const SPREAD: f64 = 0.29;

    pub(super) fn new(seed: u64, dependence: f64) -> Self {
        let mut noise = Self { state: seed, dependence, last: 0.0 };
        noise.last = noise.normal();
        noise
    }

    pub(super) fn series(&mut self, n: usize) -> Vec<u64> {
        (0..n).map(|_| self.next()).collect()
    }

    fn next(&mut self) -> u64 {
        let fresh = (1.0 - self.dependence * self.dependence).sqrt();
        self.last = self.dependence * self.last + fresh * self.normal();
        (Self::MEDIAN as f64 * (Self::SPREAD * self.last).exp()).round() as u64
    }

    /// Draws a standard normal number (Box and Muller).
    fn normal(&mut self) -> f64 {
        let (radius, angle) = (self.uniform(), self.uniform());
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    }

    /// Draws a number above 0 and up to 1 (SplitMix64).
    fn uniform(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64 + f64::EPSILON / 2.0
    }
}
