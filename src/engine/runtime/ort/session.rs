//! A file loaded in ONNX Runtime for one provider.

use std::cell::LazyCell;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use ort::session::{IoBinding, Session as OrtInner};
use ort::value::{DynTensor, DynTensorValueType};

use super::library;
use super::shape::{self, Outlet};
use super::tensor::{array, element_type, exact, tensor};
use super::{
    Array, Assignment, Input, Provider, RunOptions, Session, Settings, check_inputs, explain, failed, log, ports,
    prepare, providers, raw, settings,
};
use crate::runtime::Library;
use gnet_core::graph::{DType, Dim, Fed, Tensor};
use gnet_core::onnx_file::Reference;
use gnet_core::{Error, OnnxFile, Result};

/// Serialises the creation of sessions, so that messages logged meanwhile belong to the session being created.
static BUILDING: Mutex<()> = Mutex::new(());

/// ONNX Runtime's key for the folder from which a model in memory names its data.
const DATA_FOLDER: &str = "session.model_external_initializers_file_folder_path";

pub(in crate::runtime) struct OrtSession {
    /// Declared before the session so that it is released first, since it refers to it.
    bound: Option<Bound>,
    outputs: Option<Vec<DynTensor>>,
    host_outputs: Option<Vec<Array>>,
    session: OrtInner,
    provider: Provider,
    library: &'static Library,
    /// Index of the GPU whose memory holds inputs and outputs.
    device: Option<i32>,
    batch: usize,
    inputs: Vec<Input>,
    fed: Fed,
    declared_outputs: Vec<(String, DType)>,
    assignment: Assignment,
    threads: usize,
    settings: Settings,
    has_cuda_graph: bool,
    profiling: bool,
}

struct Bound {
    binding: IoBinding,
    host: Vec<DynTensor>,
    /// The same inputs in the device's memory, from which the binding reads; empty without a device.
    device: Vec<DynTensor>,
}

impl OrtSession {
    pub(in crate::runtime) fn load(provider: Provider, file: &OnnxFile, options: &RunOptions) -> Result<Self> {
        let loaded = library::loaded(&options.engine, provider)?;
        let _building = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut configured = providers::configure(loaded, provider, file, options)?;
        let model = prepare(provider, file)?;
        if let Some(reference) = model.reference() {
            let folder = reference.folder().display().to_string();
            let set = configured.builder.with_config_entry(DATA_FOLDER, folder);
            configured.builder = set.map_err(|e| failed(&e))?;
        }
        let session =
            configured.builder.commit_from_memory(&model.bytes).map_err(|e| blamed(provider, &loaded.library, &e))?;
        model.reference().map_or(Ok(()), Reference::check_in_place)?;
        let shapeless = LazyCell::new(|| shapeless(file));
        let stated = shape::declared(&outlets(session.inputs()), |name| !shapeless.iter().any(|input| input == name))?;
        let (inputs, fed) = ports::inputs(&stated, options)?;
        let nodes = raw::assignment(&session).map_err(|e| failed(&e))?;
        let on_gpu = matches!(provider, Provider::Cuda | Provider::TensorRt);
        Ok(Self {
            bound: None,
            outputs: None,
            host_outputs: None,
            device: on_gpu.then(|| settings::device_id(&options.engine.cuda)),
            batch: options.batch,
            inputs,
            fed,
            declared_outputs: shape::outputs(&outlets(session.outputs()))?,
            assignment: Assignment { requested: provider.ort_name().unwrap_or_default().to_owned(), nodes },
            threads: options.threads,
            settings: configured.settings,
            has_cuda_graph: provider == Provider::Cuda && options.engine.cuda.graph,
            profiling: options.engine.profile.is_some(),
            session,
            provider,
            library: &loaded.library,
        })
    }

    fn memory(&self) -> Result<MemoryInfo<'static>> {
        let (place, id) = self.device.map_or((AllocationDevice::CPU, 0), |id| (AllocationDevice::CUDA, id));
        MemoryInfo::new(place, id, AllocatorType::Device, MemoryType::Default).map_err(|e| failed(&e))
    }

    /// Binds every output: on a device to a tensor that stays in place, if the file states its shape, so that a CUDA
    /// graph writes to the same memory in every run; else to memory that each run allocates.
    fn bind_outputs(&self, binding: &mut IoBinding) -> Result<()> {
        let allocator = match self.device {
            Some(_) => Some(Allocator::new(&self.session, self.memory()?).map_err(|e| failed(&e))?),
            None => None,
        };
        for (outlet, (_, dtype)) in self.session.outputs().iter().zip(&self.declared_outputs) {
            let kind = element_type(*dtype)?;
            let fixed = allocator.as_ref().zip(self.output_shape(outlet));
            let bound = match fixed {
                Some((allocator, shape)) => {
                    DynTensor::new(allocator, kind, shape).and_then(|made| binding.bind_output(outlet.name(), made))
                }
                None if self.has_cuda_graph => {
                    let reason = "its shape is not stated in the file, which a CUDA graph needs";
                    return Err(Error::input(format!("output '{}'", outlet.name()), reason)
                        .remedy("run it without a CUDA graph"));
                }
                None => binding.bind_output_to_device(outlet.name(), &self.memory()?),
            };
            bound.map_err(|e| failed(&e))?;
        }
        Ok(())
    }

    /// Returns the shape of an output at the sizes that the inputs are fed, as far as the file states it. A first axis
    /// without a name is the batch.
    fn output_shape(&self, output: &ort::value::Outlet) -> Option<Vec<i64>> {
        let shape = Outlet { name: output.name(), dtype: output.dtype() }.shape()?;
        let size = |(axis, dim): (usize, &Dim)| match dim {
            Dim::Unknown if axis == 0 => Some(self.batch),
            dim => self.fed.size(dim, self.batch).or((axis == 0).then_some(self.batch)),
        };
        let sizes = shape.iter().enumerate().map(size).collect::<Option<Vec<_>>>()?;
        sizes.into_iter().map(|size| i64::try_from(size).ok().filter(|size| *size > 0)).collect()
    }

    fn bound(&self) -> Result<&Bound> {
        self.bound.as_ref().ok_or_else(|| Error::input("run", "no input is bound"))
    }

    /// Returns the outputs, each as `read` makes it of a tensor in the host's memory.
    fn read<T>(&self, read: fn(&DynTensor) -> Result<T>) -> Result<Vec<T>> {
        let outputs = self.outputs.as_ref().ok_or_else(|| Error::input("outputs", "nothing has run"))?;
        let output = |tensor: &DynTensor| match self.device {
            Some(_) => read(&tensor.to(AllocationDevice::CPU, 0).map_err(|e| failed(&e))?),
            None => read(tensor),
        };
        outputs.iter().map(output).collect()
    }
}

impl Session for OrtSession {
    fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    fn bind(&mut self, inputs: &[Array]) -> Result<()> {
        check_inputs(&self.inputs, inputs)?;
        (self.bound, self.outputs, self.host_outputs) = (None, None, None);
        let mut binding = self.session.create_binding().map_err(|e| failed(&e))?;
        let cast = |(array, input): (&Array, &Input)| tensor(array, input.dtype);
        let host = inputs.iter().zip(&self.inputs).map(cast).collect::<Result<Vec<_>>>()?;
        let mut device = Vec::new();
        if self.device.is_some() {
            let allocator = Allocator::new(&self.session, self.memory()?).map_err(|e| failed(&e))?;
            for input in &self.inputs {
                let kind = element_type(input.dtype)?;
                device.push(DynTensor::new(&allocator, kind, input.shape.clone()).map_err(|e| failed(&e))?);
            }
            copy(&host, &mut device)?;
        }
        for (input, tensor) in self.inputs.iter().zip(if device.is_empty() { &host } else { &device }) {
            binding.bind_input(&input.name, tensor).map_err(|e| failed(&e))?;
        }
        self.bind_outputs(&mut binding)?;
        self.bound = Some(Bound { binding, host, device });
        Ok(())
    }

    fn run(&mut self) -> Result<()> {
        // After a failed run there are none: those of an earlier one would be mistaken for its own.
        (self.outputs, self.host_outputs) = (None, None);
        let bound = self.bound.as_ref().ok_or_else(|| Error::input("run", "no input is bound"))?;
        let blame = |e: &ort::Error| blamed(self.provider, self.library, e);
        let mut values = self.session.run_binding(&bound.binding).map_err(|e| blame(&e))?;
        if self.device.is_some() {
            bound.binding.synchronize_outputs().map_err(|e| blame(&e))?;
        }
        let taken = self.declared_outputs.iter().map(|(name, _)| {
            let value = values.remove(name);
            let value = value.ok_or_else(|| Error::input(format!("output '{name}'"), "was not computed"))?;
            value.downcast::<DynTensorValueType>().map_err(|e| failed(&e))
        });
        self.outputs = Some(taken.collect::<Result<_>>()?);
        Ok(())
    }

    fn has_device_memory(&self) -> bool {
        self.device.is_some()
    }

    fn copy_in(&mut self) -> Result<()> {
        self.bound()?;
        self.bound.as_mut().map_or(Ok(()), |bound| copy(&bound.host, &mut bound.device))
    }

    fn copy_out(&mut self) -> Result<()> {
        if self.device.is_some() {
            self.host_outputs = Some(self.read(array)?);
        }
        Ok(())
    }

    fn outputs(&self) -> Result<Vec<Array>> {
        self.host_outputs.clone().map_or_else(|| self.read(array), Ok)
    }

    fn tensors(&mut self) -> Result<Vec<Tensor>> {
        self.read(exact)
    }

    fn threads_used(&self) -> usize {
        self.threads
    }

    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn assignment(&self) -> Option<&Assignment> {
        Some(&self.assignment)
    }

    fn finish_profile(&mut self) -> Result<Option<PathBuf>> {
        if !std::mem::take(&mut self.profiling) {
            return Ok(None);
        }
        self.session.end_profiling().map(|file| Some(PathBuf::from(file))).map_err(|e| failed(&e))
    }
}

fn outlets(outlets: &[ort::value::Outlet]) -> Vec<Outlet<'_>> {
    outlets.iter().map(|outlet| Outlet { name: outlet.name(), dtype: outlet.dtype() }).collect()
}

/// Attributes a failure to the provider, such as a library that it loads late, or else to the file.
fn blamed(provider: Provider, library: &Library, error: &ort::Error) -> Error {
    if explain::is_providers_fault(provider, error.message()) {
        explain::unusable(provider, library, error.message(), &log::take())
    } else {
        failed(error)
    }
}

/// Copies tensors to the device and waits for them; does nothing if there are none there.
fn copy(host: &[DynTensor], device: &mut [DynTensor]) -> Result<()> {
    host.iter().zip(device).try_for_each(|(from, to)| from.copy_into(to)).map_err(|e| failed(&e))
}

fn shapeless(file: &OnnxFile) -> Vec<String> {
    let Ok(model) = file.model() else { return Vec::new() };
    let inputs = model.graph.stated_inputs();
    inputs.iter().filter(|input| input.shape.is_none()).map(|input| input.name.to_owned()).collect()
}
