//! Files of NumPy's: `.npy`, or the archive `.npz` whose members are such files.

use std::collections::HashSet;
use std::io::{BufWriter, Cursor, Write};
use std::path::Path;

use bytes::Bytes;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::npy::{self, Header};
use gnet_core::graph::Tensor;
use gnet_core::report::number;
use gnet_core::words::counted;
use gnet_core::{Error, Result, files};

/// Beginnings of an archive with members, and of one without.
const ARCHIVES: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];

/// Ending of the members' names, which the arrays' names do not have.
const ENDING: &str = ".npy";

/// Largest factor by which deflate reduces data, as zlib's documentation derives it.
const DEFLATED: u64 = 1032;

/// An array of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// Name; `None` in a `.npy`.
    pub(super) name: Option<String>,
    pub(super) header: Header,
    /// Number of the member in the archive.
    index: usize,
}

impl Member {
    /// Names the array in an error about it.
    pub fn named(&self, error: Error) -> Error {
        match &self.name {
            Some(name) => error.within(format!("array '{name}'")),
            None => error,
        }
    }

    /// Reads the elements; `file` is the content of the file that it is from.
    ///
    /// # Errors
    /// Those of [`Header::elements`], about [`Error::THE_FILE`] or the array.
    pub fn elements(&self, file: &Bytes) -> Result<Tensor> {
        if self.name.is_none() {
            let mut from = Cursor::new(file);
            return Header::read(&mut from)?.elements(from);
        }
        let read = || {
            let mut archive = opened(file)?;
            let mut from = archive.by_index(self.index).map_err(unreadable)?;
            Header::read(&mut from)?.elements(from)
        };
        read().map_err(|e| self.named(e))
    }
}

/// Lists the arrays of a file by its content. No elements are read.
///
/// # Errors
/// Fails on a file that is neither of both, that holds anything but arrays of numbers, or two of one name; and on an array
/// that claims more than the file can hold. The error is about [`Error::THE_FILE`] or an array.
pub(super) fn members(file: &Bytes) -> Result<Vec<Member>> {
    if file.starts_with(npy::MAGIC) {
        let header = Header::read(&mut Cursor::new(file))?;
        check_claim(&header, file.len() as u64)?;
        return Ok(vec![Member { name: None, header, index: 0 }]);
    }
    if !ARCHIVES.iter().any(|magic| file.starts_with(magic)) {
        return Err(Error::input(Error::THE_FILE, "is neither a .npy nor a .npz file of NumPy's")
            .remedy("write it with np.save(FILE, x) or np.savez(FILE, **{NAME: x})"));
    }
    let mut archive = opened(file)?;
    let mut names = HashSet::new();
    let mut members = Vec::with_capacity(archive.len());
    for index in 0..archive.len() {
        let mut from = archive.by_index(index).map_err(unreadable)?;
        let member = from.name().map_err(unreadable)?.into_owned();
        let place = format!("array '{}'", member.strip_suffix(ENDING).unwrap_or(&member));
        let Some(name) = member.strip_suffix(ENDING) else {
            return Err(Error::input(
                format!("member '{member}'"),
                "is no array of NumPy's: its name does not end in .npy",
            )
            .remedy("give an archive that np.savez wrote, and nothing else"));
        };
        let most = match from.compression() {
            CompressionMethod::Stored => from.compressed_size().min(file.len() as u64),
            _ => from.compressed_size().min(file.len() as u64).saturating_mul(DEFLATED),
        };
        let header = Header::read(&mut from).and_then(|header| check_claim(&header, most).map(|()| header));
        members.push(Member { name: Some(name.to_owned()), header: header.map_err(|e| e.within(place))?, index });
        names.insert(name.to_owned());
    }
    if names.len() < members.len() || archive.has_duplicate_names() {
        return Err(Error::input(Error::THE_FILE, "holds two arrays of one name").remedy(npy::AGAIN));
    }
    Ok(members)
}

/// Writes arrays by their names, as `np.savez` does, without compression.
///
/// # Errors
/// Fails on two arrays of one name, a name or a type that a `.npz` does not hold, and as [`files::write`]. Nothing is written
/// then.
pub fn write(path: &Path, arrays: &[(String, Tensor)]) -> Result<()> {
    let mut names = HashSet::new();
    let mut members = Vec::with_capacity(arrays.len());
    for (name, tensor) in arrays {
        let refused = |reason: &str| Err(Error::input(Error::THE_FILE, reason));
        let member = match name.contains('\0') {
            true => refused("has a name with a zero byte in it, where NumPy's names end"),
            false if !names.insert(name) => refused("is there twice"),
            false => npy::written(tensor),
        };
        members.push((name, member.map_err(|e| e.within(format!("array '{name}'")).in_file(path))?));
    }
    files::write_with(path, |file| {
        let mut archive = ZipWriter::new(BufWriter::new(file));
        for (name, (header, elements)) in &members {
            // Beyond four gigabytes a member needs wider fields.
            let large = header.len() + elements.len() > u32::MAX as usize;
            let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(large);
            archive.start_file(format!("{name}{ENDING}"), options)?;
            archive.write_all(header)?;
            archive.write_all(elements)?;
        }
        archive.finish()?.flush()
    })
}

fn opened(file: &Bytes) -> Result<ZipArchive<Cursor<Bytes>>> {
    ZipArchive::new(Cursor::new(file.clone())).map_err(unreadable)
}

fn unreadable(error: impl std::fmt::Display) -> Error {
    Error::input(Error::THE_FILE, format!("is a damaged archive, or one of another kind: {error}")).remedy(npy::AGAIN)
}

/// Refuses an array that claims more bytes than `most`.
fn check_claim(header: &Header, most: u64) -> Result<()> {
    if header.bytes as u64 <= most {
        return Ok(());
    }
    let claimed = number::bytes(header.bytes as u64);
    let reason = format!(
        "is damaged: it claims {claimed}, and what the file holds of it makes no more than {}",
        counted(most, "byte")
    );
    Err(Error::input(Error::THE_FILE, reason).remedy(npy::AGAIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(members: &[(&str, &[u8])], method: CompressionMethod) -> Bytes {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in members {
            archive.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
            archive.write_all(content).unwrap();
        }
        archive.finish().unwrap().into_inner().into()
    }

    fn array(values: &[f32]) -> Vec<u8> {
        let (header, data) = npy::written(&Tensor::from_f32(vec![values.len()], values).unwrap()).unwrap();
        [header, data].concat()
    }

    fn refusal(file: &Bytes) -> String {
        let read = || members(file)?.iter().try_for_each(|member| member.elements(file).map(drop));
        read().unwrap_err().to_string()
    }

    #[test]
    fn members_are_listed_and_read_however_they_are_stored() {
        let (x, y) = (array(&[1.0, 2.0]), array(&[3.0]));
        for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
            let file = archive(&[("x.npy", &x), ("a/y.npy", &y)], method);
            let found = members(&file).unwrap();
            let names: Vec<_> = found.iter().map(|member| member.name.clone().unwrap()).collect();
            assert_eq!(names, ["x", "a/y"]);
            assert_eq!(found[0].elements(&file).unwrap().to_f32().unwrap(), [1.0, 2.0]);
            assert_eq!(found[1].elements(&file).unwrap().to_f32().unwrap(), [3.0]);
        }
        let lone = members(&y.clone().into()).unwrap().remove(0);
        assert_eq!((lone.name.as_ref(), lone.elements(&y.into()).unwrap().to_f32().unwrap()), (None, vec![3.0]));
        assert!(members(&archive(&[], CompressionMethod::Stored)).unwrap().is_empty());
    }

    #[test]
    fn archives_that_are_no_files_of_arrays_are_refused() {
        let x = array(&[1.0, 2.0]);
        let stored = |members: &[(&str, &[u8])]| archive(members, CompressionMethod::Stored);
        let mut broken = stored(&[("x.npy", &x)]).to_vec();
        let place = broken.windows(4).position(|bytes| bytes == 2.0_f32.to_le_bytes()).unwrap();
        broken[place] ^= 1;
        let cut = stored(&[("x.npy", &x)]).slice(..100);
        let twice = {
            // Two names of one length, of which the second is then made the first, in both places.
            let mut file = stored(&[("x.npy", &x), ("y.npy", &x)]).to_vec();
            for at in 0..file.len() - 5 {
                if &file[at..at + 5] == b"y.npy" {
                    file[at] = b'x';
                }
            }
            file
        };
        let claim = |method| {
            let header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999,), }\n";
            let length = [u8::try_from(header.len()).unwrap(), 0];
            archive(&[("x.npy", &[&npy::MAGIC[..], &[1, 0], &length, header].concat())], method)
        };
        for (file, says) in [
            (Bytes::new(), "is neither a .npy nor a .npz file"),
            (Bytes::from_static(b"\x80\x04\x95 a pickle"), "is neither a .npy nor a .npz file"),
            (Bytes::from_static(b"PK\x03\x04"), "is a damaged archive"),
            (cut, "is a damaged archive"),
            (broken.into(), "array 'x': is damaged: its elements cannot be read"),
            (twice.into(), "holds two arrays of one name"),
            (stored(&[("x.npy", &x), ("notes.txt", b"hello")]), "member 'notes.txt': is no array"),
            (stored(&[("x.npy", b"hello, this is text")]), "array 'x': is no array of NumPy's"),
            (claim(CompressionMethod::Stored), "array 'x': is damaged: it claims 381.5 MiB"),
            (claim(CompressionMethod::Deflated), "array 'x': is damaged: it claims 381.5 MiB"),
        ] {
            assert!(refusal(&file).contains(says), "{says}: {}", refusal(&file));
        }
    }

    #[test]
    fn no_bit_of_an_archive_changes_an_array_unseen() {
        let (x, y) = (array(&[1.0, -2.5]), array(&[3.0; 40]));
        for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
            let whole = archive(&[("x.npy", &x), ("y.npy", &y)], method);
            let read =
                |file: &Bytes| members(file)?.iter().map(|member| member.elements(file)).collect::<Result<Vec<_>>>();
            let expected = read(&whole).unwrap();
            for bit in 0..whole.len() * 8 {
                let mut bytes = whole.to_vec();
                bytes[bit / 8] ^= 1 << (bit % 8);
                // A name, a time or an attribute may be another one.
                if let Ok(found) = read(&bytes.into()) {
                    assert!(found.iter().all(|array| expected.contains(array)), "bit {bit} of {method:?}: {found:?}");
                }
            }
            assert!((0..whole.len()).all(|end| read(&whole.slice(..end)).is_err()), "a part was taken for the whole");
        }
    }

    #[test]
    fn what_is_written_is_read_again_and_hostile_names_stay_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("y.npz");
        let tensor = |value| Tensor::from_f32(vec![1], &[value]).unwrap();
        let names = ["/a/Softmax_output", "../../b", "\u{1b}[31mred\n", "x.npy", "重み"];
        let arrays: Vec<_> =
            names.iter().zip(1_u8..).map(|(name, i)| ((*name).to_owned(), tensor(f32::from(i)))).collect();
        write(&path, &arrays).unwrap();
        let file = files::map(&path).unwrap();
        let read = |member: Member| (member.name.clone().unwrap(), member.elements(&file).unwrap());
        assert_eq!(members(&file).unwrap().into_iter().map(read).collect::<Vec<_>>(), arrays);
        for (arrays, says) in [
            ([("a", tensor(1.0)), ("a", tensor(2.0))], "array 'a': is there twice"),
            ([("b", tensor(1.0)), ("a\0", tensor(2.0))], "has a name with a zero byte in it"),
            ([("b", tensor(1.0)), ("a", Tensor::from_texts(vec![0], vec![]).unwrap())], "is of type string"),
        ] {
            let arrays = arrays.map(|(name, tensor)| (name.to_owned(), tensor));
            let error = write(&path, &arrays).unwrap_err().to_string();
            assert!(error.contains(says) && error.contains("y.npz: array "), "{error}");
            assert_eq!(files::map(&path).unwrap(), file, "the file is as it was");
        }
    }
}
