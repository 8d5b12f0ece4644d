//! Detection of truncated JPEG files.
//!
//! The decoder is lenient: it fills the missing part of a truncated file with grey, and a network would classify a
//! picture that is not there. The end-of-image marker tells; it must be searched for marker by marker, because the
//! thumbnail in a photograph's header has its own. Source of the format: ITU-T T.81, annex B.

const END_OF_IMAGE: u8 = 0xd9;
const START_OF_SCAN: u8 = 0xda;

/// Returns `true` if `jpeg`, which begins with a start-of-image marker, reaches its end-of-image marker.
pub fn is_whole(jpeg: &[u8]) -> bool {
    let mut at = 2;
    while let Some(found) = next_marker(jpeg, at) {
        let marker = jpeg[found];
        at = found + 1;
        if marker == END_OF_IMAGE {
            return true;
        }
        if !stands_alone(marker) {
            let Some(length) = jpeg.get(at..at + 2) else { return false };
            at += usize::from(u16::from_be_bytes([length[0], length[1]]));
        }
        if marker == START_OF_SCAN {
            at = end_of_scan(jpeg, at);
        }
    }
    false
}

/// Returns the position of the next marker's code: the byte after 0xff (any number of them) that is not 0xff.
fn next_marker(jpeg: &[u8], from: usize) -> Option<usize> {
    let lead = from + jpeg.get(from..)?.iter().position(|byte| *byte == 0xff)?;
    Some(lead + jpeg[lead..].iter().position(|byte| *byte != 0xff)?)
}

/// Returns `true` for markers without length and content: TEM and the restart markers.
fn stands_alone(marker: u8) -> bool {
    matches!(marker, 0x01 | 0xd0..=0xd7)
}

/// Finds the end of a scan's compressed data: a marker that is neither a stuffed zero nor a restart.
fn end_of_scan(jpeg: &[u8], from: usize) -> usize {
    let rest = jpeg.get(from..).unwrap_or_default();
    let is_end = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xd0..=0xd7 | 0xff);
    rest.windows(2).position(is_end).map_or(jpeg.len(), |place| from + place)
}

#[cfg(test)]
mod tests {
    use super::is_whole;

    /// Builds a segment with its length.
    fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
        let length = (content.len() as u16 + 2).to_be_bytes();
        [&[0xff, marker][..], &length, content].concat()
    }

    #[test]
    fn only_the_end_marker_of_the_image_itself_counts() {
        let start = vec![0xff, 0xd8];
        let thumbnail = segment(0xe1, &[0xff, 0xd8, 0xff, 0xd9]);
        let scan = [segment(0xda, &[1, 2, 3]), vec![0x12, 0xff, 0x00, 0x34, 0xff, 0xd3, 0x56]].concat();
        let end = vec![0xff, 0xd9];
        assert!(is_whole(&[&start[..], &thumbnail, &scan, &end].concat()));
        assert!(is_whole(&[&start[..], &scan, &scan, &[0xff, 0xff], &end].concat()), "two scans, fill bytes");
        assert!(is_whole(&[&start[..], &scan, &end, b"trailer"].concat()));
        assert!(!is_whole(&[&start[..], &thumbnail, &scan].concat()));
        assert!(!is_whole(&[&start[..], &thumbnail].concat()));
        assert!(!is_whole(&start));
        assert!(!is_whole(&[&start[..], &scan, &end].concat()[..8]));
        assert!(!is_whole(&[]));
    }
}
