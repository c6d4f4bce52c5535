//! The interpreter: runs a message's program over its bytes.
//!
//! It does not allocate, format or panic, and goes as deep as the type is nested, however many elements there are. One
//! function for both directions and for all types: it is in every image that talks to a domain.

use core::ptr;
use core::slice;
use core::sync::atomic::Ordering::{Acquire, Relaxed};

use super::Fault;
use super::code::{ANY_END, BLOCK, BOOL, CHAR, END, PADDING, Program, ROW, TAG, TEXT};
use crate::abi::{BlockEntry, End, TRACKED_BLOCK, TRACKED_END, Tracked};
use crate::{any, exbox, text};

/// Makes a value fit to be seen by who must see no more than the value: what lies in it beside the value becomes zero,
/// and so do the addresses in it, also in the blocks that it holds. The bytes are no value any more if there were any.
///
/// # Safety
///
/// The program is that of the value's type; `place` is valid for reads and writes of it, its blocks are owned by the
/// caller, and nobody uses any of them meanwhile.
pub unsafe fn scrub(program: Program<'_>, place: *mut u8) {
    // Of a value nothing is wrong.
    // SAFETY: passed on to the caller.
    let _ = unsafe { Walk { task: Task::Scrub, next: ptr::null() }.run(program, place) };
}

/// Makes a value of the bytes of somebody who is not believed, and of the blocks and endpoints in `carried`, a chain
/// in the order in which they lie in the value, each block before what it holds.
///
/// What it leaves after an error is no value, and nothing may be dropped as one; all that came is still in the chain.
///
/// # Errors
/// [`Fault`] if the bytes are no value, or do not suit the chain, whatever they are.
///
/// # Safety
///
/// The program is that of the type, and `place` is valid for reads and writes of it. The chain is the kernel's, and the
/// caller owns what is in it: open ends in states in which they send next, and blocks of initialised bytes. Nobody else
/// writes to the place or to the blocks any more.
pub unsafe fn adopt(program: Program<'_>, place: *mut u8, carried: *const Tracked) -> Result<(), Fault> {
    let mut walk = Walk { task: Task::Adopt, next: carried };
    // SAFETY: passed on to the caller.
    unsafe { walk.run(program, place) }?;
    if walk.next.is_null() { Ok(()) } else { Err(Fault::TooMany) }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Task {
    Scrub,
    Adopt,
}

struct Walk {
    task: Task,
    /// What comes next in the chain.
    next: *const Tracked,
}

impl Walk {
    /// Runs a program over what lies at `place`.
    ///
    /// # Safety
    ///
    /// As [`scrub`] or [`adopt`].
    unsafe fn run(&mut self, mut program: Program<'_>, place: *mut u8) -> Result<(), Fault> {
        while let Some(operation) = program.operation() {
            let at = place.wrapping_add(program.number() as usize);
            // SAFETY: the operation is one of the type's program, so what it is about lies at `at`; passed on.
            unsafe {
                match operation {
                    PADDING => {
                        let bytes = program.number() as usize;
                        if self.task == Task::Scrub {
                            at.write_bytes(0, bytes);
                        }
                    }
                    BOOL => self.demand(*at <= 1, Fault::BadBool)?,
                    CHAR => {
                        let character = char::from_u32(at.cast::<u32>().read_unaligned());
                        self.demand(character.is_some(), Fault::BadChar)?;
                    }
                    TEXT => {
                        let capacity = program.number();
                        // Who scrubs needs no look at it.
                        if self.task == Task::Adopt && !is_text(at, capacity) {
                            return Err(Fault::BadText);
                        }
                    }
                    TAG => {
                        let bytes = program.number() as usize;
                        let mut number = [0; size_of::<u64>()];
                        ptr::copy_nonoverlapping(at, number.as_mut_ptr(), bytes.min(number.len()));
                        let variant = variant(program.inside(), u64::from_le_bytes(number));
                        self.run(variant.ok_or(Fault::BadTag)?, place)?;
                    }
                    ROW => {
                        let (count, bytes) = (program.number(), program.number());
                        self.run_each(program.inside(), at, count, bytes)?;
                    }
                    BLOCK => {
                        let (bytes, align, fixed) = (program.number(), program.number(), program.number());
                        let length = at.wrapping_add(exbox::LENGTH_OFFSET).cast::<u64>().read_unaligned();
                        let data = at.wrapping_add(exbox::DATA_OFFSET).cast::<*mut u8>();
                        let entry = at.wrapping_add(exbox::ENTRY_OFFSET).cast::<*const Tracked>();
                        let content = if self.task == Task::Adopt {
                            let found = self.take(TRACKED_BLOCK, Fault::NotABlock)?;
                            entry.write_unaligned(found);
                            let found = &*found.cast::<BlockEntry>();
                            let size = found.size.load(Relaxed) as u64;
                            let fits = length.checked_mul(bytes) == Some(size);
                            self.demand(fits && (fixed == 0 || fixed - 1 == length), Fault::BadLength)?;
                            let address = found.address.load(Relaxed);
                            let aligned = address as u64 & align.wrapping_sub(1) == 0;
                            self.demand(aligned && address != 0, Fault::Misaligned)?;
                            data.write_unaligned(address as *mut u8);
                            address as *mut u8
                        } else {
                            let content = data.read_unaligned();
                            data.write_unaligned(ptr::null_mut());
                            entry.write_unaligned(ptr::null());
                            content
                        };
                        self.run_each(program.inside(), content, length, bytes)?;
                    }
                    END => {
                        let (side, state) = (program.number(), program.number());
                        self.end(at, side, state, program.inside())?;
                    }
                    ANY_END => {
                        let side = *at.wrapping_add(any::SIDE_OFFSET);
                        let state = at.wrapping_add(any::STATE_OFFSET).cast::<u16>().read_unaligned();
                        self.end(at.wrapping_add(any::END_OFFSET), side.into(), state.into(), Program::NONE)?;
                    }
                    // The compiler writes no others.
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Runs a program over each of `count` elements of so many bytes.
    ///
    /// # Safety
    ///
    /// As [`Walk::run`], for each.
    #[inline(never)]
    unsafe fn run_each(
        &mut self,
        program: Program<'_>,
        first: *mut u8,
        count: u64,
        bytes: u64,
    ) -> Result<(), Fault> {
        if program.is_empty() {
            return Ok(());
        }
        let mut at = first;
        for _ in 0..count {
            // SAFETY: passed on to the caller.
            unsafe { self.run(program, at) }?;
            at = at.wrapping_add(bytes as usize);
        }
        Ok(())
    }

    /// An end's address at `at`: one of this side and state, and of a channel like one of these, if any matters. A domain
    /// makes channels whose fingerprint says nothing of their slots.
    ///
    /// # Safety
    ///
    /// As [`Walk::run`].
    #[inline(never)]
    unsafe fn end(
        &mut self,
        at: *mut u8,
        side: u64,
        state: u64,
        mut contracts: Program<'_>,
    ) -> Result<(), Fault> {
        let mut word = ptr::null();
        if self.task == Task::Adopt {
            // SAFETY: passed on to the caller.
            word = unsafe { self.take(TRACKED_END, Fault::NotAnEndpoint) }?;
            // SAFETY: the chain has an end there, which is open.
            let end = unsafe { &*word.cast::<End>() };
            // SAFETY: as above.
            let channel = unsafe { end.channel() };
            let mut fits = contracts.is_empty();
            while !contracts.is_empty() {
                let mut is_it = contracts.number() == channel.fingerprint;
                for ring in &channel.rings {
                    for number in [ring.offset, ring.stride, ring.mask] {
                        is_it &= contracts.number() == u64::from(number);
                    }
                }
                fits |= is_it;
            }
            self.demand(fits, Fault::WrongContract)?;
            let own = channel.side_of(end);
            self.demand(own as u64 == side, Fault::WrongSide)?;
            // The channel's state is that after the last message sent. With none on its way to this end, it is the
            // end's.
            let sent = channel.heads[own as usize].count.load(Acquire);
            let here = sent == channel.tails[own as usize].count.load(Acquire);
            self.demand(here && u64::from(channel.state.load(Relaxed)) == state, Fault::WrongState)?;
        }
        // SAFETY: passed on to the caller.
        unsafe { at.cast::<*const Tracked>().write_unaligned(word) };
        Ok(())
    }

    /// The next of the chain, which must be of this kind.
    ///
    /// # Safety
    ///
    /// As [`adopt`].
    #[inline(never)]
    unsafe fn take(&mut self, kind: u32, other: Fault) -> Result<*const Tracked, Fault> {
        // SAFETY: the chain holds what is owned by the caller.
        let tracked = unsafe { self.next.as_ref() }.ok_or(Fault::TooFew)?;
        self.demand(tracked.kind.load(Relaxed) == kind, other)?;
        self.next = tracked.next.load(Relaxed);
        Ok(tracked)
    }

    /// What has to be so in bytes that are not believed.
    #[inline(always)]
    fn demand(&self, holds: bool, fault: Fault) -> Result<(), Fault> {
        if holds || self.task == Task::Scrub { Ok(()) } else { Err(fault) }
    }
}

/// Whether a text of this capacity lies there.
///
/// # Safety
///
/// So many bytes, and those of the length before them, are initialised.
unsafe fn is_text(at: *const u8, capacity: u64) -> bool {
    // SAFETY: passed on to the caller.
    let length = unsafe { at.wrapping_add(text::LENGTH_OFFSET).cast::<u32>().read_unaligned() };
    if u64::from(length) > capacity {
        return false;
    }
    // SAFETY: as above.
    let bytes = unsafe { slice::from_raw_parts(at.wrapping_add(text::BYTES_OFFSET), length as usize) };
    str::from_utf8(bytes).is_ok()
}

/// The program of the variant with this number.
fn variant(mut groups: Program<'_>, number: u64) -> Option<Program<'_>> {
    while !groups.is_empty() {
        let (first, more, variant) = (groups.number(), groups.number(), groups.inside());
        if number.wrapping_sub(first) <= more {
            return Some(variant);
        }
    }
    None
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::ExBox;
    use crate::form::code::{bytes, length};
    use crate::form::{Forms, Shaped};

    const BODY: &[Shaped] = &[Shaped::of::<ExBox<u64>>()];
    static BYTES: [u8; length(BODY)] = bytes(BODY);

    /// What comes of a block of eight bytes that lies there.
    fn adopt_at(address: usize) -> Result<(), Fault> {
        let entry = BlockEntry {
            tracked: Tracked {
                owner: Default::default(),
                next: Default::default(),
                kind: TRACKED_BLOCK.into(),
                mark: Default::default(),
            },
            address: address.into(),
            size: 8.into(),
            capacity: 8.into(),
            account: Default::default(),
        };
        // SAFETY: the bytes are those of these bodies.
        let (size, program) = unsafe { Forms::new(&BYTES) }.message(0).expect("there is one");
        assert_eq!(size, 24);
        let mut body = [0_u64, 1, 0];
        // SAFETY: the body is a block's handle, of whose content, all bytes being values, nothing is read.
        let result = unsafe { adopt(program, body.as_mut_ptr().cast(), &entry.tracked) };
        if result.is_ok() {
            assert_eq!(body, [address as u64, 1, ptr::from_ref(&entry) as u64]);
        }
        result
    }

    #[test]
    fn a_block_lies_where_its_elements_can() {
        assert_eq!(adopt_at(0x1008), Ok(()));
        for address in [0, 0x1001, 0x1004, 0x100c] {
            assert_eq!(adopt_at(address), Err(Fault::Misaligned), "{address:#x}");
        }
    }
}
