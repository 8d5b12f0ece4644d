//! Number formatting for people.

pub use crate::words::counted;

/// Formats a whole number in groups of three digits: `128,049,152`.
pub fn thousands(value: i128) -> String {
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{}", grouped(&value.unsigned_abs().to_string()))
}

/// Formats a real number with `digits` decimal places and its whole part in groups of three: `1,234.57`.
pub fn decimal(value: f64, digits: usize) -> String {
    let text = format!("{:.digits$}", value.abs());
    if !value.is_finite() {
        return value.to_string();
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    // A value that rounds to zero has no sign.
    let sign = if value < 0.0 && text.bytes().any(|b| (b'1'..=b'9').contains(&b)) { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{fraction}", grouped(whole))
}

fn grouped(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// Formats a count with one decimal place and a decimal prefix, rounded: `1.2 M`. Below 1000 it is the number itself.
pub fn scaled(value: f64) -> String {
    let (value, prefix) = prefixed(value, 1000.0, &["", "k", "M", "G", "T", "P"]);
    if prefix.is_empty() {
        decimal(value, if value.fract() == 0.0 { 0 } else { 1 })
    } else {
        format!("{value:.1} {prefix}")
    }
}

/// Formats a size in bytes with one decimal place and a binary prefix, rounded: `41.3 MiB`.
pub fn bytes(value: u64) -> String {
    let (value, prefix) = prefixed(value as f64, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB", "PiB"]);
    format!("{value:.*} {prefix}", usize::from(prefix != "B"))
}

/// Divides by `step` until the printed value is below it: 999,960 is `1.0 M`, never `1000.0 k`.
fn prefixed<'a>(value: f64, step: f64, prefixes: &[&'a str]) -> (f64, &'a str) {
    let (mut scaled, mut index) = (value, 0);
    while index + 1 < prefixes.len() && (scaled.abs() * 10.0).round() >= step * 10.0 {
        scaled /= step;
        index += 1;
    }
    (scaled, prefixes[index])
}

/// Formats parameters as papers print them: millions with two decimals, truncated. 163,328 is `0.16M`.
pub fn printed_params(params: u64) -> String {
    format!("{}.{:02}M", params / MILLION, params % MILLION / 10_000)
}

/// Formats MACs as papers print them (there under the name FLOPS): whole millions, truncated. 346,816,512 is `346M`.
pub fn printed_macs(macs: u64) -> String {
    format!("{}M", macs / MILLION)
}

const MILLION: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_three() {
        for (value, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (-1000, "-1,000"), (128_049_152, "128,049,152")]
        {
            assert_eq!(thousands(value), text);
        }
        for (value, digits, text) in [
            (1234.5678, 2, "1,234.57"),
            (-0.001, 2, "0.00"),
            (-1.5, 1, "-1.5"),
            (999.96, 1, "1,000.0"),
            (5.0, 0, "5"),
            (f64::NAN, 2, "NaN"),
            (f64::NEG_INFINITY, 2, "-inf"),
        ] {
            assert_eq!(decimal(value, digits), text);
        }
    }

    #[test]
    fn prefixes() {
        for (value, text) in
            [(0.0, "0"), (999.0, "999"), (1234.0, "1.2 k"), (1_200_000.0, "1.2 M"), (999_960.0, "1.0 M")]
        {
            assert_eq!(scaled(value), text);
        }
        for (value, text) in
            [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (43_306_189, "41.3 MiB"), (1 << 40, "1.0 TiB")]
        {
            assert_eq!(bytes(value), text);
        }
    }

    #[test]
    fn the_fields_printed_form_is_truncated() {
        // Table "Inception vs 3x3 vs 5x5" of the lecture notes: rounding would print 347M and 1.23M.
        assert_eq!([163_328, 442_368, 1_228_800].map(printed_params), ["0.16M", "0.44M", "1.22M"]);
        assert_eq!([128_049_152, 346_816_512, 963_379_200].map(printed_macs), ["128M", "346M", "963M"]);
        assert_eq!((printed_params(9_999), printed_macs(999_999)), ("0.00M".into(), "0M".into()));
        assert_eq!(printed_params(5_084_810), "5.08M");
    }
}
