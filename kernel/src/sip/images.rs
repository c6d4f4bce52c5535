//! The images that SIPs run, each in memory once.
//!
//! An image is parsed when the first SIP that runs it starts, and kept until the last one is gone. What no SIP can
//! write (code and constants, which need no relocation) lies in frames of the image's, and each of its SIPs maps those.
//! What a SIP can write is copied and relocated for it. Its signature is verified once, when it is parsed.

use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::mem;
use core::ops::Range;

use contracts::manifest::Manifest;
use contracts::sabotage::{Bug, planted};
use spin::Mutex;
use x86_64::VirtAddr;

use super::image::{self, ImageError, Parsed, Relocation, Segment};
use super::placement;
use super::vouching::{self, Verdict};
use crate::memory::PAGE_SIZE;
use crate::memory::frames::{self, Frame};
use crate::memory::mapping::{Access, MapError, Tables};
use crate::symbols::{Function, Symbols};
use crate::{sched, unwind};

/// An image, as all SIPs that run it have it in common. Nothing of it changes.
#[derive(Debug)]
pub(super) struct Image {
    manifest: Manifest,
    verdict: Verdict,
    shared: Vec<Shared>,
    private: Vec<Private>,
    relocations: Vec<Relocation>,
    entry: u64,
    pages: usize,
    /// Its symbols and their names.
    symbols: Option<(Part, Part)>,
    /// See [`Parsed::unwind`].
    unwind: Option<u64>,
    /// The rest of the file it was read from, for recognising another one; see [`Parsed::rest`].
    rest: Vec<Part>,
    file_bytes: usize,
}

/// A segment that no SIP can write, in frames of its own.
#[derive(Debug)]
struct Shared {
    /// From the load address.
    first_page: usize,
    frames: Vec<Frame>,
    access: Access,
    /// Where in the frames its data begins; the rest is zeros.
    offset: usize,
    /// Where its data lies in the file.
    file: Range<usize>,
}

/// A segment that each SIP has for itself.
#[derive(Debug)]
struct Private {
    /// From the load address.
    first_page: usize,
    pages: usize,
    /// Where its data goes, from the load address; the rest is zeros.
    offset: u64,
    data: Part,
}

/// A copy of a part of the file.
#[derive(Debug)]
struct Part {
    offset: usize,
    bytes: Vec<u8>,
}

/// The images that some SIP runs, with the lengths of their files. An image is listed until it is dropped.
static IMAGES: Mutex<Vec<(usize, Weak<Image>)>> = Mutex::new(Vec::new());

impl Image {
    /// The image that `file` holds: the one that SIPs run already, if it is the same, or a new one. The caller holds no lock.
    ///
    /// # Errors
    /// When the file is no image that can run here, or memory is exhausted.
    pub(super) fn of(file: &[u8]) -> Result<Arc<Image>, ImageError> {
        if let Some(image) = find(file) {
            return Ok(image);
        }
        let mut parsed = image::parse(file)?;
        let verdict = vouching::judge(file, &placement::key(), sched::relax);
        placement::restrain(&mut parsed.manifest, verdict);
        let image = Arc::new(Image::read(parsed, verdict, file)?);
        if planted(Bug::LeakedImage) {
            mem::forget(image.clone());
        }
        let mut images = IMAGES.lock();
        // No more than is needed, so that what an image took is given back with it.
        images.try_reserve_exact(1)?;
        images.push((file.len(), Arc::downgrade(&image)));
        Ok(image)
    }

    fn read(parsed: Parsed<'_>, verdict: Verdict, file: &[u8]) -> Result<Image, ImageError> {
        let is_private = |segment: &&Segment<'_>| segment.access == Access::ReadWrite;
        let count = parsed.segments.iter().filter(is_private).count();
        let private = parsed.segments.iter().filter(is_private);
        let shared = parsed.segments.iter().filter(|segment| !is_private(segment));
        let shared = collect(parsed.segments.len() - count, shared, Shared::copy)?;
        let private = collect(count, private, |segment| Private::copy(segment, file))?;
        let rest = collect(parsed.rest.len(), parsed.rest, |range| Part::copy(file, range))?;
        let symbols = match parsed.symbols {
            Some(places) => Some((Part::copy(file, places.table)?, Part::copy(file, places.names)?)),
            None => None,
        };
        Ok(Image {
            manifest: parsed.manifest,
            verdict,
            shared,
            private,
            relocations: parsed.relocations,
            entry: parsed.entry,
            pages: parsed.pages,
            symbols,
            unwind: parsed.unwind,
            rest,
            file_bytes: file.len(),
        })
    }

    /// Whether `file` holds this image.
    fn is(&self, file: &[u8]) -> bool {
        file.len() == self.file_bytes
            && self.rest.iter().all(|part| part.is_in(file))
            && self.symbols.iter().all(|(table, names)| table.is_in(file) && names.is_in(file))
            && self.private.iter().all(|segment| segment.data.is_in(file))
            && self.shared.iter().all(|segment| segment.is_in(file))
    }

    /// What it needs and offers.
    pub(super) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What its signature says of it.
    pub(super) fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Where it starts, from the load address.
    pub(super) fn entry(&self) -> u64 {
        self.entry
    }

    /// Pages from the load address to the end of its last segment.
    pub(super) fn pages(&self) -> usize {
        self.pages
    }

    /// Pages that its SIPs have in common.
    pub(super) fn shared_pages(&self) -> usize {
        self.shared.iter().map(|segment| segment.frames.len()).sum()
    }

    /// Pages that each of its SIPs has for itself.
    pub(super) fn private_pages(&self) -> usize {
        self.private.iter().map(|segment| segment.pages).sum()
    }

    /// The function at an address that is counted from the load address.
    pub(super) fn function_at(&self, address: u64) -> Option<Function<'_>> {
        let (table, names) = self.symbols.as_ref()?;
        Symbols { table: &table.bytes, names: &names.bytes }.function_at(address)
    }

    /// Whether there is code at an address that is counted from the load address.
    pub(super) fn is_code(&self, address: u64) -> bool {
        self.shared.iter().any(|segment| segment.access == Access::ReadExecute && segment.spans(address))
    }

    /// The tables that say how its functions save registers, if it has such.
    ///
    /// # Safety
    /// The image is mapped at `base`, and stays so as long as the tables are used.
    pub(super) unsafe fn unwind_tables<'a>(&self, base: VirtAddr) -> Option<unwind::Tables<'a>> {
        let header = self.unwind?;
        let segment = self.shared.iter().find(|segment| segment.spans(header))?;
        let address = (segment.first_page * PAGE_SIZE) as u64;
        let bytes = segment.frames.len() * PAGE_SIZE;
        // SAFETY: the segment's pages are mapped, as the caller promises, and nobody writes to them.
        let bytes = unsafe { core::slice::from_raw_parts((base + address).as_ptr(), bytes) };
        Some(unwind::Tables { bytes, address, header })
    }

    /// Maps it at `base` in the space of these tables, ready to run. If that fails, some of it may stay mapped.
    ///
    /// # Safety
    /// The pages from `base` on are a fresh window's, and are unmapped before the image is dropped.
    pub(super) unsafe fn map(&self, tables: Tables, base: VirtAddr) -> Result<(), MapError> {
        let page = |index: usize| base + (index * PAGE_SIZE) as u64;
        for segment in &self.shared {
            // SAFETY: nobody writes to the frames once they are filled, and they live as long as the image.
            unsafe { tables.map_shared(page(segment.first_page), &segment.frames, segment.access)? };
        }
        for segment in &self.private {
            tables.map_fresh(page(segment.first_page), segment.pages, Access::ReadWrite)?;
            // SAFETY: the segment's pages were just mapped, nobody else knows of them, and its data fits.
            unsafe { tables.write(base + segment.offset, &segment.data.bytes) };
        }
        for relocation in &self.relocations {
            let value = base.as_u64() + relocation.addend;
            // SAFETY: parsing checked that the word lies in a writable segment, whose pages were just mapped.
            unsafe { tables.write(base + relocation.offset, &value.to_le_bytes()) };
        }
        Ok(())
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let mut images = IMAGES.lock();
        images.retain(|(_, image)| image.strong_count() > 0);
        images.shrink_to_fit();
    }
}

/// The image among those that SIPs run which `file` holds.
fn find(file: &[u8]) -> Option<Arc<Image>> {
    // An image is never dropped under the lock, which its drop takes.
    let nth_of_that_length = |n| {
        let images = IMAGES.lock();
        let mut candidates = images.iter().filter(|(bytes, _)| *bytes == file.len());
        candidates.nth(n).map(|(_, image)| image.upgrade())
    };
    (0..).map_while(nth_of_that_length).flatten().find(|image| image.is(file))
}

/// What `make` makes of each of `count` items, in memory that is asked for first.
fn collect<I, T>(
    count: usize,
    items: impl IntoIterator<Item = I>,
    make: impl FnMut(I) -> Result<T, ImageError>,
) -> Result<Vec<T>, ImageError> {
    let mut made = Vec::new();
    made.try_reserve_exact(count)?;
    items.into_iter().map(make).try_for_each(|item| item.map(|item| made.push(item)))?;
    Ok(made)
}

impl Shared {
    fn copy(segment: &Segment<'_>) -> Result<Shared, ImageError> {
        let (first_page, end) = segment.pages();
        let offset = segment.offset as usize % PAGE_SIZE;
        let mut shared =
            Shared { first_page, frames: Vec::new(), access: segment.access, offset, file: segment.file() };
        shared.frames.try_reserve_exact(end - first_page)?;
        for _ in first_page..end {
            shared.frames.push(frames::allocate_zeroed().ok_or(ImageError::OutOfMemory)?);
        }
        let mut data = segment.data;
        for (frame, range) in shared.frames.iter_mut().zip(pieces(offset, data.len())) {
            let (piece, left) = data.split_at(range.len());
            frame.bytes()[range].copy_from_slice(piece);
            data = left;
        }
        Ok(shared)
    }

    /// Whether an address, counted from the load address, lies in its pages.
    fn spans(&self, address: u64) -> bool {
        address
            .checked_sub((self.first_page * PAGE_SIZE) as u64)
            .is_some_and(|at| at < (self.frames.len() * PAGE_SIZE) as u64)
    }

    fn is_in(&self, file: &[u8]) -> bool {
        let Some(mut data) = file.get(self.file.clone()) else { return false };
        self.frames.iter().zip(pieces(self.offset, data.len())).all(|(frame, range)| {
            let (piece, left) = data.split_at(range.len());
            data = left;
            frame.contents()[range] == *piece
        })
    }
}

/// How `bytes` bytes from `offset` on lie in pages.
fn pieces(offset: usize, bytes: usize) -> impl Iterator<Item = Range<usize>> {
    let end = offset + bytes;
    (0..end.div_ceil(PAGE_SIZE)).map(move |page| {
        let start = page * PAGE_SIZE;
        offset.max(start) - start..end.min(start + PAGE_SIZE) - start
    })
}

impl Private {
    fn copy(segment: &Segment<'_>, file: &[u8]) -> Result<Private, ImageError> {
        let (first_page, end) = segment.pages();
        let data = Part::copy(file, segment.file())?;
        Ok(Private { first_page, pages: end - first_page, offset: segment.offset, data })
    }
}

impl Part {
    fn copy(file: &[u8], range: Range<usize>) -> Result<Part, ImageError> {
        let offset = range.start;
        let source = file.get(range).ok_or(ImageError::Truncated)?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(source.len())?;
        bytes.extend_from_slice(source);
        Ok(Part { offset, bytes })
    }

    fn is_in(&self, file: &[u8]) -> bool {
        file.get(self.offset..self.offset + self.bytes.len()) == Some(&self.bytes)
    }
}
