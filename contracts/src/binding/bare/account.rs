//! What a message carries, in the account of who receives it.

use core::arch::asm;
use core::ptr;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;

use super::account;
use crate::abi::{Account, MARKS, Tracked};
use crate::channel::{Carried, walk};
use crate::sabotage::{Bug, planted};

/// Adds to a counter of an account, in one instruction, between whose parts no other thread runs.
#[inline(always)]
fn add(counter: &AtomicU64, amount: u64) {
    // SAFETY: the counter is a number.
    unsafe {
        asm!("add qword ptr [{}], {}", in(reg) counter.as_ptr(), in(reg) amount, options(nostack));
    }
}

/// Whether this SIP's limit allows all that a message carries.
///
/// # Safety
///
/// `chain` was written by the send of a message that is the caller's to receive.
#[inline(always)]
pub(crate) unsafe fn has_room_for(chain: *const Tracked) -> bool {
    // SAFETY: passed on to the caller.
    unsafe { account_has_room_for(account(), chain) }
}

/// Whether an account that a kernel acts for allows all that a message carries.
///
/// # Safety
///
/// As its SIP would have to see to: the chain is that of a message to it.
#[inline(always)]
pub unsafe fn account_has_room_for(account: &Account, chain: *const Tracked) -> bool {
    let mut more = account.bytes.load(Relaxed);
    // SAFETY: passed on to the caller.
    unsafe {
        walk(chain, |carried| {
            if let Carried::Block(entry) = carried
                && !ptr::eq(entry.account.load(Relaxed), account)
            {
                more = more.saturating_add(entry.capacity.load(Relaxed) as u64);
            }
        });
    }
    more <= account.byte_limit.load(Relaxed) || planted(Bug::UnlimitedGifts)
}

/// Makes all that a message carries this SIP's: tag, mark, and for a block the limit that it counts against.
///
/// # Safety
///
/// As [`has_room_for`]; within a step.
#[inline(always)]
pub(crate) unsafe fn take_over(chain: *const Tracked) {
    // SAFETY: passed on to the caller.
    unsafe { account_takes_over(account(), chain) }
}

/// Makes all that a message carries that of a SIP which a kernel acts for.
///
/// # Safety
///
/// The chain was written by the send of a message to it, and the step is the caller's.
#[inline(always)]
pub unsafe fn account_takes_over(account: &Account, chain: *const Tracked) {
    let owner = account.owner.load(Relaxed);
    let take = |tracked: &Tracked| {
        tracked.owner.store(owner, Relaxed);
        if !planted(Bug::UnmarkedReceive) {
            account.marks[tracked.mark.load(Relaxed) as usize % MARKS].store(1, Relaxed);
        }
    };
    // SAFETY: passed on to the caller.
    unsafe {
        walk(chain, |carried| match carried {
            Carried::Block(entry) => {
                take(&entry.tracked);
                let payer = entry.account.load(Relaxed);
                if !ptr::eq(payer, account) {
                    let bytes = entry.capacity.load(Relaxed) as u64;
                    // An account lives for as long as something counts against it.
                    add(&(*payer).bytes, bytes.wrapping_neg());
                    add(&account.bytes, bytes);
                    entry.account.store(ptr::from_ref(account).cast_mut(), Relaxed);
                }
            }
            Carried::End(end) => take(&end.tracked),
        });
    }
}
