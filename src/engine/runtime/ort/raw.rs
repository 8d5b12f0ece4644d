//! Calls of C interfaces that the crate `ort` does not offer. The only module of gnet with unsafe code: each block
//! states why it is sound.

#![allow(unsafe_code)]

use std::ffi::{CStr, c_char};
use std::path::Path;
use std::ptr;

use ort::AsPointer;
use ort::session::Session;
use ort::sys::{ORT_API_VERSION, OrtApi, OrtApiBase, OrtEpAssignedNode, OrtEpAssignedSubgraph, OrtStatusPtr};

use super::AssignedNode;

pub(super) struct Opened {
    pub(super) version: String,
    get_api: unsafe extern "system" fn(u32) -> *const OrtApi,
    /// Keeps the library open until `ort` has opened it as well.
    _library: libloading::Library,
}

/// Opens a library (a path, or a name that the loader searches) and asks for its version.
///
/// # Errors
/// Fails with the loader's reason, or if the library is not ONNX Runtime.
pub(super) fn open(path: &Path) -> Result<Opened, String> {
    // SAFETY: loading runs the library's initialisers. That is what the caller asks for, and no more can be known about a
    // library before it is loaded; `elf::check` has refused what would crash the loader itself.
    let library = unsafe { libloading::Library::new(path) }.map_err(|e| loader_reason(&e))?;
    let foreign = || "is no ONNX Runtime: it exports no OrtGetApiBase".to_owned();
    // SAFETY: `OrtGetApiBase` has had this signature since the first release of ONNX Runtime (onnxruntime_c_api.h).
    let base = unsafe { library.get::<unsafe extern "C" fn() -> *const OrtApiBase>(b"OrtGetApiBase\0") };
    let get_base = base.map_err(|_| foreign())?;
    // SAFETY: it takes nothing and returns a pointer to a static table, or null.
    let base = unsafe { get_base().as_ref() }.ok_or_else(foreign)?;
    // SAFETY: `GetVersionString` is the table's second entry in every release and returns a static string.
    let version = unsafe { (base.GetVersionString)() };
    if version.is_null() {
        return Err(foreign());
    }
    // SAFETY: it is not null, ends with a nul byte and lives as long as the library, which is still open.
    let version = unsafe { text(version) };
    Ok(Opened { version, get_api: base.GetApi, _library: library })
}

/// Loads a library (a path, or a name that the loader searches) into this process for as long as that lives.
///
/// # Errors
/// Fails with the loader's reason.
pub(super) fn keep(path: &Path) -> Result<(), String> {
    // SAFETY: as in `open`: loading runs the library's initialisers, which is what the caller asks for. It is never unloaded,
    // so that nothing that another library takes from it can dangle.
    let library = unsafe { libloading::Library::new(path) }.map_err(|e| loader_reason(&e))?;
    std::mem::forget(library);
    Ok(())
}

impl Opened {
    /// Returns `true` if it provides the interface version that `ort` asks for, which panics if it is missing. Only to
    /// be called for a version that should have it: an older library complains on stderr.
    pub(super) fn has_interface(&self) -> bool {
        // SAFETY: `GetApi` is the table's first entry in every release; it takes any number and returns a pointer to a
        // static table, or null. The library is still open.
        !unsafe { (self.get_api)(ORT_API_VERSION) }.is_null()
    }
}

/// Returns the loader's message, which is in the source of the error rather than its text.
fn loader_reason(error: &libloading::Error) -> String {
    let source = std::error::Error::source(error).map(ToString::to_string);
    super::first_line(&source.unwrap_or_else(|| error.to_string()))
}

/// Returns what `cudaRuntimeGetVersion` of a library says that is loaded already.
pub(super) fn cudart_version(path: &Path) -> Option<i32> {
    // SAFETY: the library is loaded already, so that opening it runs none of its code.
    let library = unsafe { libloading::Library::new(path) }.ok()?;
    let mut version = 0;
    // SAFETY: the signature is that of CUDA's runtime in every release: it stores a number and returns 0 on success.
    let status = unsafe {
        let get = library.get::<unsafe extern "C" fn(*mut i32) -> i32>(b"cudaRuntimeGetVersion\0").ok()?;
        get(&mut version)
    };
    (status == 0).then_some(version)
}

/// Returns what `cudnnGetVersion` of a library says that is loaded already.
pub(super) fn cudnn_version(path: &Path) -> Option<usize> {
    // SAFETY: as above.
    let library = unsafe { libloading::Library::new(path) }.ok()?;
    // SAFETY: the signature is that of cuDNN in every release; it only returns a number.
    unsafe { library.get::<unsafe extern "C" fn() -> usize>(b"cudnnGetVersion\0").ok().map(|get| get()) }
}

/// Returns what `getInferLibVersion` of TensorRT says, a library that is loaded already.
pub(super) fn nvinfer_version(path: &Path) -> Option<usize> {
    // SAFETY: as above.
    let library = unsafe { libloading::Library::new(path) }.ok()?;
    // SAFETY: the signature is that of TensorRT's C interface in every release; it only returns a number.
    let number = unsafe { library.get::<unsafe extern "C" fn() -> i32>(b"getInferLibVersion\0").ok().map(|get| get()) };
    number.and_then(|number| usize::try_from(number).ok())
}

/// Returns the provider that each node of a session was assigned to. The session must have been built with
/// `session.record_ep_graph_assignment_info` set to `1`.
pub(super) fn assignment(session: &Session) -> Result<Vec<AssignedNode>, ort::Error> {
    let api = ort::api();
    let mut nodes = Vec::new();
    let (mut subgraphs, mut count) = (ptr::null::<*const OrtEpAssignedSubgraph>(), 0);
    // SAFETY: the session is alive; on success ONNX Runtime has stored an array of `count` pointers that the session owns.
    unsafe { check((api.Session_GetEpGraphAssignmentInfo)(session.ptr(), &mut subgraphs, &mut count))? };
    for i in 0..count {
        // SAFETY: `i` is below the array's length.
        let subgraph = unsafe { *subgraphs.add(i) };
        let mut provider = ptr::null();
        // SAFETY: the subgraph belongs to the session; on success the string does as well.
        unsafe { check((api.EpAssignedSubgraph_GetEpName)(subgraph, &mut provider))? };
        let (mut members, mut len) = (ptr::null::<*const OrtEpAssignedNode>(), 0);
        // SAFETY: as above; on success there is an array of `len` pointers that the session owns.
        unsafe { check((api.EpAssignedSubgraph_GetNodes)(subgraph, &mut members, &mut len))? };
        for j in 0..len {
            // SAFETY: `j` is below the array's length.
            let node = unsafe { *members.add(j) };
            let (mut name, mut op) = (ptr::null(), ptr::null());
            // SAFETY: the node belongs to the session; on success the strings do as well.
            unsafe {
                check((api.EpAssignedNode_GetName)(node, &mut name))?;
                check((api.EpAssignedNode_GetOperatorType)(node, &mut op))?;
            }
            // SAFETY: the three strings were stored by successful calls and live as long as the session.
            let [provider, name, op] = unsafe { [text(provider), text(name), text(op)] };
            nodes.push(AssignedNode { provider, name, op });
        }
    }
    Ok(nodes)
}

/// # Safety
/// `status` comes straight from a call of ONNX Runtime's interface and is not used again.
unsafe fn check(status: OrtStatusPtr) -> Result<(), ort::Error> {
    // SAFETY: the caller's promise is the one asked for here.
    unsafe { ort::Error::result_from_status(status) }
}

/// # Safety
/// `text` is null or ends with a nul byte, and is alive.
unsafe fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: it is not null; the caller promises the rest.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}
