//! Physical frames: which are free.
//!
//! A bitmap with one bit for each frame up to the highest usable one. Low frames go first: memory that was used
//! before is in caches, and a hypervisor has already backed it.
//! The first MiB is never handed out: frame 0 makes null pointers, and other cores start in low memory.

use core::fmt;
use core::sync::atomic::AtomicBool;
use core::sync::atomic::Ordering::Relaxed;

use conquer_once::spin::OnceCell;
use contracts::sabotage::{Bug, planted};
use spin::Mutex;
use x86_64::PhysAddr;

use super::{PAGE_SIZE, physical};

/// Frames at most that are kept for what the kernel has begun and cannot give up: see [`with_reserve`].
const MOST_RESERVE: usize = 256;

/// Frames below this one are never handed out.
const FIRST: usize = (1 << 20) / PAGE_SIZE;

/// How much physical memory there is, in frames of 4096 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames that were ever free.
    pub total: usize,
    /// Frames that are free now.
    pub free: usize,
}

/// A set of frames, by number: the free ones are clear bits.
pub struct Bitmap<'a> {
    words: &'a mut [u64],
    /// No word before this one has a free frame.
    hint: usize,
    counts: Counts,
    /// Free frames that are handed out to nobody, for the campaign of the tests.
    held: usize,
}

impl<'a> Bitmap<'a> {
    const WORD: usize = u64::BITS as usize;

    /// Words needed for frames below `end`.
    pub const fn words_for(end: usize) -> usize {
        end.div_ceil(Self::WORD)
    }

    /// A bitmap without free frames.
    pub fn new(words: &'a mut [u64]) -> Bitmap<'a> {
        words.fill(u64::MAX);
        Bitmap { words, hint: 0, counts: Counts::default(), held: 0 }
    }

    /// Makes the frames `first..end` available, except those that are never handed out.
    ///
    /// # Panics
    /// If `end` is past the bitmap's last frame.
    pub fn add(&mut self, first: usize, end: usize) {
        for frame in first.max(FIRST)..end {
            let (word, bit) = (frame / Self::WORD, 1 << (frame % Self::WORD));
            if self.words[word] & bit != 0 {
                self.words[word] &= !bit;
                self.hint = self.hint.min(word);
                self.counts.total += 1;
                self.counts.free += 1;
            }
        }
    }

    /// Withdraws the frames `first..end` for good, as far as they are free.
    pub fn withdraw(&mut self, first: usize, end: usize) {
        for frame in first..end.min(self.words.len() * Self::WORD) {
            let (word, bit) = (frame / Self::WORD, 1 << (frame % Self::WORD));
            if self.words[word] & bit == 0 {
                self.words[word] |= bit;
                self.counts.total -= 1;
                self.counts.free -= 1;
            }
        }
    }

    /// Takes a free frame.
    pub fn take(&mut self) -> Option<usize> {
        if self.available() == 0 {
            return None;
        }
        let word = self.hint + self.words[self.hint..].iter().position(|&word| word != u64::MAX)?;
        let bit = self.words[word].trailing_ones() as usize;
        self.words[word] |= 1 << bit;
        self.hint = word;
        self.counts.free -= 1;
        Some(word * Self::WORD + bit)
    }

    /// Gives back a frame that [`Bitmap::take`] returned.
    ///
    /// # Panics
    /// If the frame is free already.
    pub fn give(&mut self, frame: usize) {
        let (word, bit) = (frame / Self::WORD, 1 << (frame % Self::WORD));
        assert!(self.words[word] & bit != 0, "frame {frame} given back twice");
        self.words[word] &= !bit;
        self.hint = self.hint.min(word);
        self.counts.free += 1;
    }

    /// How many there are.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Frames that can be handed out.
    fn available(&self) -> usize {
        self.counts.free - self.held
    }

    /// Frames that make up the reserve.
    fn reserve(&self) -> usize {
        (self.counts.total / 32).min(MOST_RESERVE)
    }

    /// Whether only the reserve is left.
    fn is_exhausted(&self) -> bool {
        self.available() <= self.reserve()
    }
}

/// Holding one proves that this physical frame is allocated and that nobody else holds it. What it contains is
/// undefined unless [`allocate_zeroed`] made it. Dropping it frees the frame.
#[derive(PartialEq, Eq)]
pub struct Frame(PhysAddr);

impl Frame {
    /// Its first byte's physical address.
    pub fn address(&self) -> PhysAddr {
        self.0
    }

    /// Its contents, through the window on physical memory. Whoever has mapped the frame does not write to it.
    pub fn contents(&self) -> &[u8; PAGE_SIZE] {
        // SAFETY: the frame is usable memory, mapped for good, and written to only through `bytes` while it is a value.
        unsafe { &*physical(self.0).cast() }
    }

    /// As [`Frame::contents`], to be written.
    pub fn bytes(&mut self) -> &mut [u8; PAGE_SIZE] {
        // SAFETY: the frame is usable memory, mapped for good, and ours alone while `self` is borrowed.
        unsafe { &mut *physical(self.0).cast() }
    }

    /// Lets a page-table entry hold the frame from here on.
    pub fn into_entry(self) -> PhysAddr {
        let address = self.0;
        core::mem::forget(self);
        address
    }

    /// The reverse of [`Frame::into_entry`].
    ///
    /// # Safety
    /// `address` came from `into_entry`, and the caller has just removed the entry that held it.
    pub unsafe fn from_entry(address: PhysAddr) -> Frame {
        Frame(address)
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({:#x})", self.0)
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        FRAMES.get().expect("frames come from here").lock().give(self.0.as_u64() as usize / PAGE_SIZE);
    }
}

static FRAMES: OnceCell<Mutex<Bitmap<'static>>> = OnceCell::uninit();

/// Why the frame allocator could not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitError {
    /// No usable region holds a bitmap of this many bytes.
    TooLittleMemory {
        /// Bytes that the bitmap needs.
        needed: usize,
    },
}

/// Starts the allocator over the usable `regions` (first byte, byte past the last). The bitmap takes its place in
/// the first region that is large enough.
///
/// # Safety
/// The regions are unused memory, nobody else's from here on, and mapped through the window. Called once.
pub unsafe fn init(regions: impl Iterator<Item = (PhysAddr, PhysAddr)> + Clone) -> Result<(), InitError> {
    let frames = regions.clone().map(|(start, end)| {
        let first = (start.as_u64() as usize).div_ceil(PAGE_SIZE);
        (first, (end.as_u64() as usize / PAGE_SIZE).max(first))
    });
    let end = frames.clone().map(|(_, end)| end).max().unwrap_or(0);
    let words = Bitmap::words_for(end);
    let needed = words * size_of::<u64>();
    let bitmap_frames = needed.div_ceil(PAGE_SIZE);
    let place = frames
        .clone()
        .map(|(first, end)| (first.max(FIRST), end))
        .find(|&(first, end)| first + bitmap_frames <= end)
        .map(|(first, _)| first)
        .ok_or(InitError::TooLittleMemory { needed })?;
    let place_address = PhysAddr::new((place * PAGE_SIZE) as u64);
    // SAFETY: these frames are usable memory by the caller's promise, aligned, and withdrawn below.
    let words = unsafe { core::slice::from_raw_parts_mut(physical(place_address).cast::<u64>(), words) };
    let mut bitmap = Bitmap::new(words);
    for (first, end) in frames {
        bitmap.add(first, end);
    }
    bitmap.withdraw(place, place + bitmap_frames);
    FRAMES.init_once(|| Mutex::new(bitmap));
    Ok(())
}

/// Whether the reserve is open.
static RESERVE_OPEN: AtomicBool = AtomicBool::new(false);

/// Lets `act` have frames of the reserve. For the kernel's heap alone, when it has to grow and memory is exhausted.
pub fn with_reserve<T>(act: impl FnOnce() -> T) -> T {
    RESERVE_OPEN.store(!planted(Bug::NoReserve), Relaxed);
    let result = act();
    RESERVE_OPEN.store(false, Relaxed);
    result
}

/// Leaves the reserve, and nothing else.
#[cfg(feature = "campaign")]
pub(super) fn drain() {
    let mut frames = FRAMES.get().expect("it has been started").lock();
    frames.held = frames.counts.free.saturating_sub(frames.reserve());
}

/// Takes back a [`drain`].
#[cfg(feature = "campaign")]
pub(super) fn refill() {
    FRAMES.get().expect("it has been started").lock().held = 0;
}

/// Whether only the reserve is left, so that nothing new is to be begun.
pub fn are_exhausted() -> bool {
    FRAMES.get().is_none_or(|frames| frames.lock().is_exhausted())
}

/// Takes a frame; its contents are undefined. `None` if memory is exhausted.
pub fn allocate() -> Option<Frame> {
    let is_reserve_open = RESERVE_OPEN.load(Relaxed);
    if !is_reserve_open && super::is_refused() {
        return None;
    }
    let mut frames = FRAMES.get()?.lock();
    if frames.is_exhausted() && !is_reserve_open {
        return None;
    }
    let frame = frames.take()?;
    Some(Frame(PhysAddr::new((frame * PAGE_SIZE) as u64)))
}

/// Takes a frame full of zeros.
pub fn allocate_zeroed() -> Option<Frame> {
    let mut frame = allocate()?;
    frame.bytes().fill(0);
    Some(frame)
}

/// How much physical memory there is.
pub fn counts() -> Counts {
    FRAMES.get().map_or(Counts::default(), |frames| frames.lock().counts())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_frame_is_never_handed_out_twice_and_counts_stay_true(
            regions in prop::collection::vec((0usize..2000, 1usize..300), 1..6),
            steps in prop::collection::vec(any::<(bool, u16)>(), 0..2000),
        ) {
            let mut usable = HashSet::new();
            let mut words = vec![0; Bitmap::words_for(2400)];
            let mut bitmap = Bitmap::new(&mut words);
            for (first, length) in regions {
                bitmap.add(first, first + length);
                usable.extend((first..first + length).filter(|&frame| frame >= FIRST));
            }
            prop_assert_eq!(bitmap.counts(), Counts { total: usable.len(), free: usable.len() });
            let mut held: Vec<usize> = Vec::new();
            for (take, pick) in steps {
                if take {
                    match bitmap.take() {
                        Some(frame) => {
                            prop_assert!(usable.contains(&frame), "frame {} is not usable", frame);
                            prop_assert!(!held.contains(&frame), "frame {} handed out twice", frame);
                            held.push(frame);
                        }
                        None => prop_assert_eq!(held.len(), usable.len()),
                    }
                } else if !held.is_empty() {
                    bitmap.give(held.swap_remove(usize::from(pick) % held.len()));
                }
                prop_assert_eq!(bitmap.counts().free, usable.len() - held.len());
            }
        }
    }

    #[test]
    fn memory_below_one_mebibyte_is_never_handed_out() {
        let mut words = vec![0; Bitmap::words_for(300)];
        let mut bitmap = Bitmap::new(&mut words);
        bitmap.add(0, 300);
        assert_eq!(bitmap.counts().total, 300 - FIRST);
        assert!(core::iter::from_fn(|| bitmap.take()).all(|frame| frame >= FIRST));
    }

    #[test]
    #[should_panic(expected = "given back twice")]
    fn giving_a_frame_back_twice_panics() {
        let mut words = vec![0; Bitmap::words_for(300)];
        let mut bitmap = Bitmap::new(&mut words);
        bitmap.add(256, 300);
        let frame = bitmap.take().unwrap();
        bitmap.give(frame);
        bitmap.give(frame);
    }
}
