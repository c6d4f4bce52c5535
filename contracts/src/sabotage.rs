//! Bugs on purpose, one in each mechanism that reclaims what a SIP had. They are there only with the feature `campaign`,
//! which nothing that ships has: a campaign that finds none of them would find no other.

use core::sync::atomic::AtomicU8;
use core::sync::atomic::Ordering::Relaxed;

use crate::Exchange;

/// What is done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(u8)]
pub enum Bug {
    /// Nothing.
    None,
    /// A SIP does not mark what it receives in its account.
    UnmarkedReceive,
    /// A receive is no step: it can be cut short between the tags and the slot.
    TornReceive,
    /// A send is no step.
    TornSend,
    /// The peer of an end that is closed is not told.
    SilentClose,
    /// A channel is freed with what undelivered messages carry.
    Undrained,
    /// A thread that is ended stays among the sleepers.
    ForgottenSleeper,
    /// A thread that is ended and woken once more stays in the queue when it is freed.
    WokenDead,
    /// A page of a SIP's window is not given back.
    LeakedPage,
    /// A channel counts against its account for ever.
    Uncounted,
    /// Nobody is told that a SIP has ended.
    UntoldEnd,
    /// A SIP's services are not withdrawn when it ends.
    LastingService,
    /// Pages that were mapped before memory ran out stay mapped.
    HalfMapped,
}

/// All of them, each at its number.
pub const BUGS: &[Bug] = &[
    Bug::None,
    Bug::UnmarkedReceive,
    Bug::TornReceive,
    Bug::TornSend,
    Bug::SilentClose,
    Bug::Undrained,
    Bug::ForgottenSleeper,
    Bug::WokenDead,
    Bug::LeakedPage,
    Bug::Uncounted,
    Bug::UntoldEnd,
    Bug::LastingService,
    Bug::HalfMapped,
];

static PLANTED: AtomicU8 = AtomicU8::new(0);

/// Plants a bug in this image, in place of one planted before. Without the feature nothing happens.
pub fn plant(bug: Bug) {
    PLANTED.store(bug as u8, Relaxed);
}

/// Whether this bug was planted in this image.
#[inline(always)]
pub fn planted(bug: Bug) -> bool {
    cfg!(feature = "campaign") && PLANTED.load(Relaxed) == bug as u8
}
