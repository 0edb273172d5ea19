//! Image blocks, block status and digests.

use std::iter;
use std::ops::Range;

use dlms_fw_core::channel::ImageOctets;
use dlms_fw_core::codec::{Emit, Writer};
use dlms_fw_core::image::{self, BlockLayout, StoredRecord};
use dlms_fw_core::xdlms::descriptor::MethodDescriptor;
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use crate::apdu::ActionRequest;
use crate::bits::BitString;
use crate::channel::Failure;
use crate::octets::Octets;
use crate::shared::logical_name;

/// Where the octets of an image are.
enum Source {
    Memory(Py<PyBytes>),
    /// The method `read(offset, length)` of somebody who reads them when they are needed.
    Reader(Py<PyAny>),
}

impl Source {
    /// The source, and how many octets it has.
    fn of(image: &Bound<'_, PyAny>) -> PyResult<(Self, usize)> {
        if let Ok(octets) = image.cast::<PyBytes>() {
            let size = octets.as_bytes().len();
            return Ok((Self::Memory(octets.clone().unbind()), size));
        }
        let size = image.getattr("size")?.extract()?;
        Ok((Self::Reader(image.getattr("read")?.unbind()), size))
    }

    /// Octets that have these in `range`: the image itself, or what was read.
    fn octets(&self, py: Python<'_>, range: Range<usize>) -> PyResult<(Py<PyBytes>, Range<usize>)> {
        let read = match self {
            Self::Memory(image) => return Ok((image.clone_ref(py), range)),
            Self::Reader(read) => read.bind(py).call1((range.start, range.len()))?,
        };
        let octets = read.cast_into::<PyBytes>()?;
        if octets.as_bytes().len() != range.len() {
            return Err(PyValueError::new_err(
                "the image was read shorter or longer than asked for",
            ));
        }
        Ok((octets.unbind(), 0..range.len()))
    }
}

/// An image cut into blocks; the image is shared, not copied.
#[pyclass(frozen, sequence, module = "dlms_fw._core")]
pub(crate) struct ImageBlocks {
    image: Source,
    layout: BlockLayout,
    pad_last_block: bool,
}

impl ImageBlocks {
    /// How the image is cut.
    pub(crate) const fn layout(&self) -> &BlockLayout {
        &self.layout
    }

    /// Whether the last block is filled up with zeros.
    pub(crate) const fn pads_last_block(&self) -> bool {
        self.pad_last_block
    }
}

/// Octets read at a time for blocks that follow each other, where the image is not in memory: a piece as readers keep
/// them, from a multiple of its length on, so that all who are at one place refer to the same octets.
const READ_AHEAD: usize = 1 << 12;

/// The octets of an image as blocks that follow each other want them.
pub(crate) struct Reading<'a> {
    pub(crate) py: Python<'a>,
    pub(crate) blocks: &'a ImageBlocks,
    /// What was read last.
    pub(crate) ahead: &'a mut Option<(Range<usize>, Py<PyBytes>)>,
}

impl ImageOctets<Failure> for Reading<'_> {
    fn octets(&mut self, range: Range<usize>) -> Result<&[u8], Failure> {
        let Self { py, blocks, ahead } = self;
        if let Source::Memory(image) = &blocks.image {
            return Ok(&image.as_bytes(*py)[range]);
        }
        let has = |(had, _): &(Range<usize>, _)| had.start <= range.start && range.end <= had.end;
        if !ahead.as_ref().is_some_and(has) {
            let start = range.start - range.start % READ_AHEAD;
            let end = range.end.max(start + READ_AHEAD);
            let wanted = start..end.min(blocks.layout.image_size());
            let (octets, _) = blocks
                .image
                .octets(*py, wanted.clone())
                .map_err(Failure::Python)?;
            **ahead = Some((wanted, octets));
        }
        Ok(ahead.as_ref().map_or(&[], |(had, octets)| {
            &octets.as_bytes(*py)[range.start - had.start..range.end - had.start]
        }))
    }
}

#[pymethods]
impl ImageBlocks {
    #[new]
    #[pyo3(signature = (image, image_block_size, *, pad_last_block = false))]
    fn new(
        image: &Bound<'_, PyAny>,
        image_block_size: usize,
        pad_last_block: bool,
    ) -> PyResult<Self> {
        let (image, size) = Source::of(image)?;
        let layout = layout(size, image_block_size)?;
        Ok(Self {
            image,
            layout,
            pad_last_block,
        })
    }

    #[getter]
    fn image_block_size(&self) -> usize {
        self.layout.image_block_size()
    }

    #[getter]
    fn image_size(&self) -> usize {
        self.layout.image_size()
    }

    fn __len__(&self) -> usize {
        self.layout.blocks()
    }

    fn __getitem__(&self, py: Python<'_>, image_block_number: isize) -> PyResult<ImageBlock> {
        self.block(py, position(image_block_number, self.layout.blocks())?)
    }

    #[pyo3(signature = (image_block_numbers, class_id, logical_name, method_id, *, confirmed = true))]
    fn requests(
        &self,
        py: Python<'_>,
        image_block_numbers: Vec<usize>,
        class_id: u16,
        logical_name: &[u8],
        method_id: i8,
        confirmed: bool,
    ) -> PyResult<Vec<ActionRequest>> {
        let method = MethodDescriptor {
            class_id,
            logical_name: self::logical_name(logical_name)?,
            method_id,
        };
        image_block_numbers
            .into_iter()
            .map(|number| {
                let block = Py::new(py, self.block(py, number)?)?;
                Ok(ActionRequest::with_block(method, block, confirmed))
            })
            .collect()
    }

    fn __repr__(&self) -> String {
        let layout = &self.layout;
        format!(
            "<ImageBlocks {} blocks of {} octets>",
            layout.blocks(),
            layout.image_block_size()
        )
    }
}

impl ImageBlocks {
    fn block(&self, py: Python<'_>, number: usize) -> PyResult<ImageBlock> {
        let range = self
            .layout
            .range(number)
            .ok_or_else(|| PyIndexError::new_err("no such image block"))?;
        let padding = if self.pad_last_block {
            self.layout.image_block_size() - range.len()
        } else {
            0
        };
        let number =
            u32::try_from(number).map_err(|_| PyIndexError::new_err("no such image block"))?;
        let (image, range) = self.image.octets(py, range)?;
        Ok(ImageBlock {
            image,
            range,
            number,
            padding,
        })
    }
}

/// One block: a reference to the image, and its wire form.
#[pyclass(frozen, module = "dlms_fw._core")]
pub(crate) struct ImageBlock {
    image: Py<PyBytes>,
    range: Range<usize>,
    number: u32,
    padding: usize,
}

impl ImageBlock {
    /// The block in its borrowed form, which knows how to write itself.
    pub(crate) fn wire<'py>(&'py self, py: Python<'py>) -> image::ImageBlock<'py> {
        image::ImageBlock {
            image_block_number: self.number,
            image_block_value: &self.image.as_bytes(py)[self.range.clone()],
            padding: self.padding,
        }
    }

    /// What a repr shows of it.
    pub(crate) fn shown(&self) -> String {
        let length = self.range.len() + self.padding;
        format!("<ImageBlock {} of {length} octets>", self.number)
    }
}

#[pymethods]
impl ImageBlock {
    #[getter]
    fn image_block_number(&self) -> u32 {
        self.number
    }

    #[getter]
    fn image_block_value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let block = self.wire(py);
        let length = block.image_block_value.len();
        PyBytes::new_with(py, length + self.padding, |out| {
            out[..length].copy_from_slice(block.image_block_value);
            Ok(())
        })
    }

    fn __len__(&self) -> usize {
        self.range.len() + self.padding
    }

    fn encode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        emitted(py, &self.wire(py))
    }

    fn __repr__(&self) -> String {
        self.shown()
    }
}

/// Which blocks have been transferred.
#[pyclass(sequence, module = "dlms_fw._core")]
pub(crate) struct BlockStatus {
    pub(crate) status: image::BlockStatus,
}

#[pymethods]
impl BlockStatus {
    #[new]
    fn new(blocks: usize) -> PyResult<Self> {
        if blocks == 0 || u32::try_from(blocks).is_err() {
            return Err(PyValueError::new_err("an image has 1 to 4294967295 blocks"));
        }
        Ok(Self {
            status: image::BlockStatus::new(blocks),
        })
    }

    #[staticmethod]
    fn from_bit_string(bits: &BitString, blocks: usize) -> PyResult<Self> {
        image::BlockStatus::from_bits(bits.octets(), bits.length(), blocks)
            .map(|status| Self { status })
            .map_err(|error| PyValueError::new_err(error.to_string()))
    }

    fn to_bit_string(&self) -> BitString {
        BitString::from_parts(self.status.octets().to_vec(), self.status.blocks())
    }

    #[pyo3(signature = (image_block_number, transferred = true))]
    fn mark(&mut self, image_block_number: usize, transferred: bool) -> PyResult<()> {
        if self.status.set(image_block_number, transferred) {
            Ok(())
        } else {
            Err(PyIndexError::new_err("no such image block"))
        }
    }

    fn mark_all(&mut self, image_block_numbers: Vec<usize>) -> PyResult<()> {
        image_block_numbers
            .into_iter()
            .try_for_each(|number| self.mark(number, true))
    }

    #[getter]
    fn first_not_transferred(&self) -> usize {
        self.status.next_not_transferred(0)
    }

    fn next_not_transferred(&self, start: usize) -> usize {
        self.status.next_not_transferred(start)
    }

    fn not_transferred<'py>(
        &self,
        py: Python<'py>,
        start: usize,
        most: usize,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let next = |number| Some(self.status.next_not_transferred(number));
        let missing = iter::successors(next(start), |number| next(number + 1))
            .take_while(|number| *number < self.status.blocks())
            .take(most);
        PyTuple::new(py, missing.collect::<Vec<_>>())
    }

    #[getter]
    fn transferred(&self) -> usize {
        self.status.transferred()
    }

    #[getter]
    fn complete(&self) -> bool {
        self.status.transferred() == self.status.blocks()
    }

    fn missing_runs(&self) -> Vec<(usize, usize)> {
        self.status.missing_runs()
    }

    fn __len__(&self) -> usize {
        self.status.blocks()
    }

    fn __getitem__(&self, image_block_number: isize) -> PyResult<bool> {
        let number = position(image_block_number, self.status.blocks())?;
        self.status
            .get(number)
            .ok_or_else(|| PyIndexError::new_err("no such image block"))
    }

    fn __repr__(&self) -> String {
        format!(
            "<BlockStatus {} of {} transferred>",
            self.status.transferred(),
            self.status.blocks()
        )
    }
}

/// SHA-256 and CRC-32 of an image.
#[pyfunction]
pub(crate) fn image_digests<'py>(py: Python<'py>, image: Octets<'_>) -> (Bound<'py, PyBytes>, u32) {
    let octets: &[u8] = &image;
    let digest = py.detach(|| image::digest(octets));
    (PyBytes::new(py, &digest.sha256), digest.crc32)
}

/// SHA-256 and CRC-32 of each block.
#[pyfunction]
pub(crate) fn block_digests<'py>(
    py: Python<'py>,
    image: Octets<'_>,
    image_block_size: usize,
) -> PyResult<Vec<(Bound<'py, PyBytes>, u32)>> {
    let octets: &[u8] = &image;
    let layout = layout(octets.len(), image_block_size)?;
    let digests = py.detach(|| image::digest_blocks(octets, &layout));
    Ok(digests
        .iter()
        .map(|digest| (PyBytes::new(py, &digest.sha256), digest.crc32))
        .collect())
}

/// The octets of a small record in a meter's memory.
#[pyfunction]
pub(crate) fn encode_record<'py>(
    py: Python<'py>,
    name: &str,
    generation: u64,
    text: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    let record = StoredRecord {
        generation,
        payload: text.as_bytes(),
    };
    let octets = record
        .encode(name)
        .ok_or_else(|| PyValueError::new_err("the record is too long"))?;
    Ok(PyBytes::new(py, &octets))
}

/// Generation and text of the record in these octets; `None` where it is not there whole.
#[pyfunction]
pub(crate) fn decode_record<'a>(name: &str, octets: &'a [u8]) -> Option<(u64, &'a str)> {
    let record = StoredRecord::decode(name, octets)?;
    let text = str::from_utf8(record.payload).ok()?;
    Some((record.generation, text))
}

/// The wire form of a value as `bytes`, written once into its final place.
pub(crate) fn emitted<'py>(py: Python<'py>, value: &impl Emit) -> PyResult<Bound<'py, PyBytes>> {
    PyBytes::new_with(py, value.emitted_len(), |octets| {
        let mut out = Writer::new(octets);
        value.emit(&mut out);
        out.finish();
        Ok(())
    })
}

fn layout(size: usize, image_block_size: usize) -> PyResult<BlockLayout> {
    BlockLayout::new(size, image_block_size).ok_or_else(|| {
        PyValueError::new_err(format!(
            "an image of {size} octets cannot be cut into blocks of {image_block_size} octets"
        ))
    })
}

/// A Python index, negative ones counted from the end.
fn position(index: isize, length: usize) -> PyResult<usize> {
    let absolute = if index < 0 {
        index.checked_add_unsigned(length)
    } else {
        Some(index)
    };
    absolute
        .and_then(|index| usize::try_from(index).ok())
        .filter(|&index| index < length)
        .ok_or_else(|| PyIndexError::new_err("no such image block"))
}
