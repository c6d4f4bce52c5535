//! Process control and a look at the system, as the kernel offers it to a shell.
//!
//! ```text
//! Ready --?Processes--> Listing --!ProcessList--> Ready
//! Ready --?Channels--> ListingChannels --!ChannelList--> Ready
//! Ready --?Blocks--> Summing --!BlockSums--> Ready
//! Ready --?Log--> ReadingLog --!LogText--> Ready
//! Ready --?Uptime--> Timing --!Time--> Ready
//! Ready --?Start--> Starting --!Started--> Ready
//!                   Starting --!Refused--> Ready
//! Ready --?StartBoot--> Starting
//! Ready --?Wiring--> ReadingWiring --!WiringBytes--> Ready
//! Ready --?Kill--> Killing --!Killed--> Ready
//!                  Killing --!NoSuchProcess--> Ready
//! Ready --?Faults--> ListingFaults --!FaultList--> Ready
//! Ready --?Fault--> ReadingFault --!FaultText--> Ready
//!                   ReadingFault --!NoSuchFault--> Ready
//! Ready --?Shutdown--> End
//!
//! Ending: Running --?Ended--> End
//! ```
//!
//! Who starts a SIP gives the kernel the end of a channel on which it says, once, how the SIP ended: so a shell can wait
//! for several, and for none. When it is said, all that the SIP had has been given back, and the record of its fault, if
//! there is one, can be read.

use crate::{Contract, ExBox, Exchange, Name, Text};

/// What a shell asks of the kernel.
#[derive(Contract)]
#[contract(start = Ready)]
pub enum System {
    /// Asks which SIPs there are.
    #[client(Ready => Listing)]
    Processes,
    /// All SIPs, oldest first, the kernel as number 0.
    #[server(Listing => Ready)]
    ProcessList {
        /// One entry each.
        processes: ExBox<[ProcessInfo]>,
    },
    /// Asks which channels there are.
    #[client(Ready => ListingChannels)]
    Channels,
    /// All channels, oldest first.
    #[server(ListingChannels => Ready)]
    ChannelList {
        /// One entry each.
        channels: ExBox<[ChannelInfo]>,
    },
    /// Asks for the ledger, summed by owner.
    #[client(Ready => Summing)]
    Blocks,
    /// The sums, taken at one instant.
    #[server(Summing => Ready)]
    BlockSums {
        /// One entry for each owner of at least one block.
        sums: ExBox<[BlockSum]>,
        /// The heap as a whole.
        totals: BlockTotals,
    },
    /// Asks for the kernel's log.
    #[client(Ready => ReadingLog)]
    Log,
    /// As much of its end as the kernel keeps.
    #[server(ReadingLog => Ready)]
    LogText {
        /// UTF-8.
        text: ExBox<[u8]>,
    },
    /// Asks for the time.
    #[client(Ready => Timing)]
    Uptime,
    /// The time.
    #[server(Timing => Ready)]
    Time {
        /// Nanoseconds since the system started.
        nanoseconds: u64,
    },
    /// Starts a SIP.
    #[client(Ready => Starting)]
    Start {
        /// The file's name, for messages.
        name: Name,
        /// The image, an ELF file.
        image: ExBox<[u8]>,
        /// What the SIP gets as its argument.
        argument: Text<200>,
        /// Where to say how it ended.
        ending: ending::Client<ending::Running>,
    },
    /// It runs.
    #[server(Starting => Ready)]
    Started {
        /// Its number.
        sip: u32,
    },
    /// It was not started.
    #[server(Starting => Ready)]
    Refused {
        /// Why, naming the file.
        reason: Text<300>,
    },
    /// Starts a SIP whose image is in the boot archive.
    #[client(Ready => Starting)]
    StartBoot {
        /// The image is the archive's file `sips/NAME`.
        name: Name,
        /// What the SIP gets as its argument.
        argument: Text<200>,
        /// Where to say how it ended.
        ending: ending::Client<ending::Running>,
    },
    /// Asks how the system is put together.
    #[client(Ready => ReadingWiring)]
    Wiring,
    /// As the image builder wrote it.
    #[server(ReadingWiring => Ready)]
    WiringBytes {
        /// A [`Wiring`](crate::manifest::Wiring) as postcard.
        bytes: ExBox<[u8]>,
    },
    /// Ends a SIP, whatever it is doing.
    #[client(Ready => Killing)]
    Kill {
        /// Its number.
        sip: u32,
    },
    /// It does nothing any more. What it had is given back from now on; `Ended` is said after that.
    #[server(Killing => Ready)]
    Killed,
    /// No SIP of that number runs, or it is the kernel.
    #[server(Killing => Ready)]
    NoSuchProcess,
    /// Asks which faults there were.
    #[client(Ready => ListingFaults)]
    Faults,
    /// As many of the last ones as the kernel keeps, oldest first.
    #[server(ListingFaults => Ready)]
    FaultList {
        /// One entry each.
        faults: ExBox<[FaultInfo]>,
    },
    /// Asks for the record of a fault.
    #[client(Ready => ReadingFault)]
    Fault {
        /// Its number.
        number: u32,
    },
    /// The record: who, why, where, which channels it had in which state, and what it said last.
    #[server(ReadingFault => Ready)]
    FaultText {
        /// Lines of UTF-8.
        text: ExBox<[u8]>,
    },
    /// There was no such fault, or its record is no longer kept.
    #[server(ReadingFault => Ready)]
    NoSuchFault,
    /// Ends the system.
    #[client(Ready => End)]
    Shutdown {
        /// What the one who started it is told.
        outcome: Outcome,
    },
}

/// How a SIP ended, from the kernel to whoever started it. The channel closes without a word if it was never started.
#[derive(Contract)]
#[contract(start = Running)]
pub enum Ending {
    /// It has ended.
    #[client(Running => End)]
    Ended {
        /// How.
        exit: Exit,
        /// What it said when it panicked, or where it faulted; empty otherwise.
        message: Text<300>,
        /// The number of the fault's record; 0 if there is none.
        fault: u32,
    },
}

/// Whether the system did what it was started for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(u8)]
pub enum Outcome {
    /// It did.
    Success,
    /// Something failed.
    Failure,
}

/// How a SIP ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(u8)]
pub enum Exit {
    /// Its main function returned success.
    Success,
    /// Its main function returned failure.
    Failure,
    /// It panicked.
    Panic,
    /// It did what the processor does not allow, or overflowed its stack.
    Fault,
    /// It broke the limit of its private memory.
    Memory,
    /// It used more of the core than its share.
    Time,
    /// Somebody ended it.
    Killed,
}

/// What the SIP did, as a sentence without its subject.
impl core::fmt::Display for Exit {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Exit::Success => "ended",
            Exit::Failure => "failed",
            Exit::Panic => "panicked",
            Exit::Fault => "faulted",
            Exit::Memory => "broke its memory limit",
            Exit::Time => "broke its CPU budget",
            Exit::Killed => "was killed",
        })
    }
}

impl Exit {
    /// The same with what the SIP said, if it said something.
    pub fn saying(self, message: &str) -> impl core::fmt::Display + '_ {
        let separator = if message.is_empty() { "" } else { ": " };
        core::fmt::from_fn(move |f| write!(f, "{self}{separator}{message}"))
    }

    /// The same with the number of the fault's record, if there is one.
    pub fn recorded(self, message: &str, fault: u32) -> impl core::fmt::Display + '_ {
        core::fmt::from_fn(move |f| {
            write!(f, "{}", self.saying(message))?;
            if fault == 0 { Ok(()) } else { write!(f, " (fault {fault})") }
        })
    }
}

/// A fault, in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(C)]
pub struct FaultInfo {
    /// Its number, from 1, never used again.
    pub number: u32,
    /// The SIP that is gone.
    pub sip: u32,
    /// Nanoseconds from the start of the system to the fault.
    pub at: u64,
    /// How the SIP ended.
    pub exit: Exit,
    /// Its name.
    pub name: Name,
    /// What there is to say in a line.
    pub message: Text<300>,
}

/// What a SIP is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(u8)]
pub enum ProcessState {
    /// One of its threads runs or could run.
    Ready,
    /// All its threads wait.
    Waiting,
}

/// The space that a SIP is in, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(u8)]
pub enum Placement {
    /// The kernel's space, of the kernel itself.
    Kernel,
    /// The kernel's: its image is signed, and intact.
    Signed,
    /// The kernel's: its image is signed and intact, and the one who built the system named it.
    KernelByHand,
    /// A domain: the one who built the system named it.
    DomainByHand,
    /// A domain: its image bears no signature.
    Unsigned,
    /// A domain: its image bears a signature by another key than the kernel's.
    OtherKey,
    /// A domain: its image bears a signature by the kernel's key that is not of these bytes.
    Altered,
}

impl Placement {
    /// The space, in a word.
    pub fn space(self) -> &'static str {
        if self.is_domain() { "domain" } else { "kernel" }
    }

    /// Whether it is a domain.
    pub fn is_domain(self) -> bool {
        match self {
            Placement::Kernel | Placement::Signed | Placement::KernelByHand => false,
            Placement::DomainByHand | Placement::Unsigned | Placement::OtherKey | Placement::Altered => true,
        }
    }

    /// The reason, in a word.
    pub fn why(self) -> &'static str {
        match self {
            Placement::Kernel => "itself",
            Placement::Signed => "signed",
            Placement::KernelByHand | Placement::DomainByHand => "by-hand",
            Placement::Unsigned => "unsigned",
            Placement::OtherKey => "other-key",
            Placement::Altered => "altered",
        }
    }
}

/// One SIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(C)]
pub struct ProcessInfo {
    /// Its number, never used again.
    pub id: u32,
    /// What it is doing.
    pub state: ProcessState,
    /// Priority of its threads.
    pub priority: u8,
    /// The space that it is in, and why.
    pub placement: Placement,
    /// Number of its threads.
    pub threads: u32,
    /// The SIP that asked for its start; 0 is the kernel.
    pub parent: u32,
    /// Ticks of the timer, 250 a second, that found it running.
    pub ticks: u64,
    /// Messages sent so far, both ways, on the channels of which it has an end.
    pub messages: u64,
    /// Bytes of private memory: what it has for itself of its image, its start page, its stack and its heap, and the page
    /// tables of all that. For the kernel: its heap.
    pub memory: u64,
    /// Bytes of its image that are in memory once for all who run it; not in `memory`.
    pub shared: u64,
    /// Bytes of blocks it owns.
    pub blocks: u64,
    /// Where its image lies.
    pub base: u64,
    /// Its name.
    pub name: Name,
}

/// One channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(C)]
pub struct ChannelInfo {
    /// Its number, never used again.
    pub id: u64,
    /// Messages sent so far, both ways.
    pub messages: u64,
    /// The contract's name.
    pub contract: Text<40>,
    /// The state that the last message leads to.
    pub state: Text<40>,
    /// Who has the client's end.
    pub client: Text<40>,
    /// Who has the server's end.
    pub server: Text<40>,
}

/// What one owner has of the exchange heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(C)]
pub struct BlockSum {
    /// The owner.
    pub owner: Text<60>,
    /// Blocks.
    pub blocks: u64,
    /// Their bytes, as asked for.
    pub bytes: u64,
}

/// The exchange heap as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(C)]
pub struct BlockTotals {
    /// Blocks allocated.
    pub blocks: u64,
    /// Their bytes, as asked for.
    pub bytes: u64,
    /// Bytes of memory mapped for them.
    pub mapped: u64,
    /// Blocks that changed owner by a send, so far.
    pub blocks_moved: u64,
    /// Their bytes.
    pub bytes_moved: u64,
    /// Bytes copied between blocks, so far.
    pub bytes_copied: u64,
    /// Sends that handed control straight to the waiting peer, so far.
    pub hand_offs: u64,
}
