//! Detection of files that are not ONNX models: common kinds, recognised by their first bytes.

use crate::Error;

/// Kind of a file, and how to get a model from it.
pub(super) struct Kind {
    pub(super) what: String,
    remedy: Option<&'static str>,
}

impl Kind {
    fn new(what: impl Into<String>, remedy: Option<&'static str>) -> Self {
        Self { what: what.into(), remedy }
    }

    /// Returns the error for `thing`, with the remedy for this kind.
    pub(super) fn error(self, thing: &str, reason: &str) -> Error {
        let error = Error::input(thing, format!("{reason}{}", self.what));
        match self.remedy {
            Some(remedy) => error.remedy(remedy),
            None => error,
        }
    }
}

const EXPORT: &str = "export it with torch.onnx.export and give that file";
const UNPACK: &str = "unpack it and give the ONNX file in it";
const LFS: &str = "fetch the file itself with `git lfs pull`";
const DOWNLOAD: &str = "it may be what a server answered in place of the file: download the file itself";
const CONVERT: &str = "give the ONNX file that it was made from, or convert it";

/// Bytes that a kind has at a position.
const SIGNS: &[(usize, &[u8], &str, Option<&str>)] = &[
    (0, b"version https://git-lfs.github.com/spec/", "a pointer of Git LFS in the place of the file", Some(LFS)),
    (0, b"\xff\xd8\xff", "a JPEG picture", None),
    (0, b"\x89PNG\r\n\x1a\n", "a PNG picture", None),
    (0, b"GIF8", "a GIF picture", None),
    (0, b"%PDF-", "a PDF document", None),
    (0, b"\x1f\x8b", "compressed with gzip", Some(UNPACK)),
    (0, b"\xfd7zXZ\0", "compressed with xz", Some(UNPACK)),
    (0, b"\x28\xb5\x2f\xfd", "compressed with Zstandard", Some(UNPACK)),
    (0, b"BZh", "compressed with bzip2", Some(UNPACK)),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", Some(UNPACK)),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes", Some(CONVERT)),
    (0, b"NRUB", "weights of Burn without a graph", Some("export their checkpoint with `gnet export`")),
    (0, b"GGUF", "a GGUF file", Some(CONVERT)),
    (0, b"\x93NUMPY", "an array of NumPy", None),
    (0, b"\x7fELF", "a program or library", None),
    (0, b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19", "a file of PyTorch", Some(EXPORT)),
    (0, b"\x80\x02", "a pickle of Python, as PyTorch writes", Some(EXPORT)),
    (0, b"\x80\x03", "a pickle of Python, as PyTorch writes", Some(EXPORT)),
    (0, b"\x80\x04", "a pickle of Python, as PyTorch writes", Some(EXPORT)),
    (0, b"\x80\x05", "a pickle of Python, as PyTorch writes", Some(EXPORT)),
    (4, b"ORTM", "a file in ONNX Runtime's own format (.ort)", Some(CONVERT)),
    (4, b"TFL3", "a TensorFlow Lite model", Some(CONVERT)),
];

/// Returns the kind of the bytes, as far as their beginning tells. Not to be called for an ONNX model, which begins
/// with a number.
pub(super) fn of(bytes: &[u8]) -> Option<Kind> {
    if bytes.is_empty() {
        return Some(Kind::new("empty", Some("it may be a copy or download that failed")));
    }
    let has = |(at, sign, ..): &&(usize, &[u8], _, _)| bytes.get(*at..).is_some_and(|bytes| bytes.starts_with(sign));
    if let Some((_, _, what, remedy)) = SIGNS.iter().find(has) {
        return Some(Kind::new(*what, *remedy));
    }
    zip(bytes).or_else(|| safetensors(bytes)).or_else(|| tar(bytes)).or_else(|| zeros(bytes)).or_else(|| text(bytes))
}

/// Recognises the pointer that Git LFS leaves in place of a large file.
pub(super) fn lfs(bytes: &[u8]) -> Option<Kind> {
    of(bytes.get(..256.min(bytes.len()))?).filter(|kind| kind.remedy == Some(LFS))
}

/// Recognises a zip archive by the name of its first file.
fn zip(bytes: &[u8]) -> Option<Kind> {
    if !bytes.starts_with(b"PK\x03\x04") {
        return None;
    }
    let length = bytes.get(26..28).map_or(0, |len| usize::from(u16::from_le_bytes([len[0], len[1]])));
    let first = String::from_utf8_lossy(bytes.get(30..30 + length).unwrap_or_default()).into_owned();
    let of_pytorch = ["/data.pkl", "/.format_version", "/byteorder", "/constants.pkl", "/version"];
    Some(if of_pytorch.iter().any(|name| first.ends_with(name)) {
        Kind::new("a file of PyTorch", Some(EXPORT))
    } else if first.ends_with(".npy") {
        Kind::new("an archive of NumPy's arrays", None)
    } else {
        Kind::new("a zip archive", Some(UNPACK))
    })
}

/// Recognises safetensors: the length of a JSON object, the object, then weights.
fn safetensors(bytes: &[u8]) -> Option<Kind> {
    let length = u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?);
    let is = length <= bytes.len() as u64 && bytes[8..].starts_with(b"{\"");
    is.then(|| {
        Kind::new("weights without a graph (safetensors)", Some("export the network that they belong to as ONNX"))
    })
}

fn tar(bytes: &[u8]) -> Option<Kind> {
    let is = bytes.get(257..262) == Some(b"ustar");
    is.then(|| Kind::new("a tar archive", Some(UNPACK)))
}

fn zeros(bytes: &[u8]) -> Option<Kind> {
    let is = bytes.iter().take(4096).all(|byte| *byte == 0);
    is.then(|| Kind::new("nothing but zeros", Some("it may be a copy or download that failed")))
}

const QUOTED: usize = 40;

fn text(bytes: &[u8]) -> Option<Kind> {
    let start = &bytes[..bytes.len().min(1024)];
    let start = match std::str::from_utf8(start) {
        Ok(text) => text,
        // The last character may be truncated.
        Err(e) if e.valid_up_to() + 4 > start.len() => std::str::from_utf8(&start[..e.valid_up_to()]).ok()?,
        Err(_) => return None,
    };
    let start = start.trim_start_matches('\u{feff}').trim_start();
    let is_text = start.chars().all(|c| !c.is_control() || c.is_whitespace());
    let lower = start.to_ascii_lowercase();
    if !is_text || start.is_empty() {
        return None;
    }
    Some(if lower.starts_with("<!doctype html") || lower.starts_with("<html") || lower.starts_with("<head") {
        Kind::new("an HTML page", Some(DOWNLOAD))
    } else if lower.starts_with("<?xml") || lower.starts_with("<svg") || lower.starts_with("<net") {
        Kind::new("XML", None)
    } else if start.starts_with(['{', '[']) {
        Kind::new("JSON", Some(DOWNLOAD))
    } else if lower.starts_with("ir_version") || lower.starts_with("<ir_version") {
        Kind::new("a model in a text form", Some("give it in ONNX's binary form"))
    } else {
        let line: String = start.lines().next().unwrap_or_default().chars().take(QUOTED).collect();
        Kind::new(format!("text that begins with {line:?}"), None)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_where_models_are_looked_for_is_told_by_its_beginning() {
        let zip = |name: &str| [b"PK\x03\x04", &[0; 22][..], &[name.len() as u8, 0, 0, 0], name.as_bytes()].concat();
        let safetensors = [&40u64.to_le_bytes()[..], b"{\"w\":{\"dtype\":\"F32\"", &[b' '; 40]].concat();
        let tar = [&[b'x'; 257][..], b"ustar\x0000", &[0; 300]].concat();
        for (bytes, says) in [
            (Vec::new(), "empty"),
            (b"\xff\xd8\xff\xe0\0\x10JFIF\0".to_vec(), "a JPEG picture"),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec(), "a PNG picture"),
            (zip("archive/data.pkl"), "a file of PyTorch"),
            (zip("model.onnx"), "a zip archive"),
            (zip("x.npy"), "an archive of NumPy's arrays"),
            (b"PK\x03\x04".to_vec(), "a zip archive"),
            (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.".to_vec(), "a file of PyTorch"),
            (b"\x80\x04\x95\x10\0\0".to_vec(), "a pickle of Python, as PyTorch writes"),
            (safetensors, "weights without a graph (safetensors)"),
            (b"\n\n<!DOCTYPE html>\n<html>".to_vec(), "an HTML page"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n".to_vec(), "a pointer of Git LFS"),
            (b"{\"error\": \"not found\"}".to_vec(), "JSON"),
            (b"<?xml version=\"1.0\"?><net/>".to_vec(), "XML"),
            (b"ir_version: 8\ngraph {".to_vec(), "a model in a text form"),
            ("Grüße\nan alle".into(), "text that begins with \"Grüße\""),
            ([&[b'a'; 1023][..], "ü".as_bytes()].concat(), "text that begins with \"aaaa"),
            (b"\x20\0\0\0TFL3\0".to_vec(), "a TensorFlow Lite model"),
            (b"\x20\0\0\0ORTM\0".to_vec(), "a file in ONNX Runtime's own format"),
            (b"GGUF\x03\0".to_vec(), "a GGUF file"),
            (b"NRUB\x01\0".to_vec(), "weights of Burn"),
            (b"\x1f\x8b\x08\0".to_vec(), "compressed with gzip"),
            (tar, "a tar archive"),
            (vec![0; 5000], "nothing but zeros"),
        ] {
            let kind = of(&bytes).unwrap_or_else(|| panic!("{says}"));
            assert!(kind.what.starts_with(says), "{} in place of {says}", kind.what);
            let error = super::super::read(bytes.into()).unwrap_err().to_string();
            assert_eq!(error, format!("the file: is no ONNX model: it is {}", kind.what));
        }
        let model = crate::onnx::write(&crate::graph::Model::new(crate::graph::Graph::new("g"), 18)).unwrap();
        for end in 1..model.len() {
            assert!(of(&model[..end]).is_none(), "a model that is cut off is a damaged model");
        }
    }
}
