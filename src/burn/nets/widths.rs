//! Table of Inception widths, from which all other channel counts follow.

/// Channels of one Inception block: a row of Table 1 of Szegedy et al.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InceptionWidths {
    /// Name of the row, such as `3a`.
    pub name: &'static str,
    /// Number of input channels.
    pub input: usize,
    /// Width of the 1x1 branch.
    pub b1x1: usize,
    /// Width of the 1x1 reduction before the 3x3 convolution.
    pub b3x3_reduce: usize,
    /// Width of the 3x3 branch.
    pub b3x3: usize,
    /// Width of the 1x1 reduction before the 5x5 convolution.
    pub b5x5_reduce: usize,
    /// Width of the 5x5 branch.
    pub b5x5: usize,
    /// Width of the 1x1 projection after the branch's pool.
    pub pool_proj: usize,
}

impl InceptionWidths {
    const fn new(name: &'static str, input: usize, widths: [usize; 6]) -> Self {
        let [b1x1, b3x3_reduce, b3x3, b5x5_reduce, b5x5, pool_proj] = widths;
        Self { name, input, b1x1, b3x3_reduce, b3x3, b5x5_reduce, b5x5, pool_proj }
    }

    /// Returns the number of output channels: the four branches concatenated.
    pub const fn output(&self) -> usize {
        self.b1x1 + self.b3x3 + self.b5x5 + self.pool_proj
    }
}

/// The nine blocks in order.
pub const INCEPTION: [InceptionWidths; 9] = [
    InceptionWidths::new("3a", 192, [64, 96, 128, 16, 32, 32]),
    InceptionWidths::new("3b", 256, [128, 128, 192, 32, 96, 64]),
    InceptionWidths::new("4a", 480, [192, 96, 208, 16, 48, 64]),
    InceptionWidths::new("4b", 512, [160, 112, 224, 24, 64, 64]),
    InceptionWidths::new("4c", 512, [128, 128, 256, 24, 64, 64]),
    InceptionWidths::new("4d", 512, [112, 144, 288, 32, 64, 64]),
    InceptionWidths::new("4e", 528, [256, 160, 320, 32, 128, 128]),
    InceptionWidths::new("5a", 832, [256, 160, 320, 32, 128, 128]),
    InceptionWidths::new("5b", 832, [384, 192, 384, 48, 128, 128]),
];

/// Channels after the first convolution and after the 1x1 convolution of the stem.
pub const STEM: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_block_takes_what_the_one_before_gives() {
        for pair in INCEPTION.windows(2) {
            assert_eq!(pair[0].output(), pair[1].input, "{} -> {}", pair[0].name, pair[1].name);
        }
        assert_eq!(INCEPTION[8].output(), 1024);
    }
}
