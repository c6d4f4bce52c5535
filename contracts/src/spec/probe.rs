//! A looking-glass on the ledger and the page tables, for tests and tools. It reads and changes nothing.
//!
//! ```text
//! Ready --?Translate--> Translating --!Physical--> Ready
//!                       Translating --!Unmapped--> Ready
//! Ready --?List--> Listing --!Lines--> Ready
//! Ready --?Sum--> Summing --!Sums--> Ready
//! ```
//!
//! It shows every process's addresses, so only a SIP whose manifest uses the service `probe` is given one; no stock
//! process does.

use super::system::BlockTotals;
use crate::{Contract, ExBox, Exchange};

/// Reads what the kernel knows of memory and blocks.
#[derive(Contract)]
#[contract(start = Ready)]
pub enum Probe {
    /// Asks where it lies in physical memory what the client sees at a virtual address.
    #[client(Ready => Translating)]
    Translate {
        /// The virtual address.
        address: u64,
    },
    /// There.
    #[server(Translating => Ready)]
    Physical {
        /// The physical address.
        address: u64,
    },
    /// Nothing is mapped at the address.
    #[server(Translating => Ready)]
    Unmapped,
    /// Asks for the ledger, line by line.
    #[client(Ready => Listing)]
    List {
        /// Where to write it. While the lines are written this block is the kernel's, and listed as such.
        lines: ExBox<[LedgerLine]>,
    },
    /// The ledger at one instant.
    #[server(Listing => Ready)]
    Lines {
        /// The block that came with the request, the lines at its start.
        lines: ExBox<[LedgerLine]>,
        /// How many blocks there are. The lines end where the block does.
        count: u64,
        /// What the heap says it holds, at the same instant.
        totals: BlockTotals,
    },
    /// Asks for sums only.
    #[client(Ready => Summing)]
    Sum,
    /// The sums, at one instant.
    #[server(Summing => Ready)]
    Sums {
        /// The exchange heap.
        totals: BlockTotals,
        /// The rest of memory.
        memory: MemorySums,
    },
}

/// One block, as the ledger has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Exchange)]
#[repr(C)]
pub struct LedgerLine {
    /// Address of the block's first byte.
    pub address: u64,
    /// Its size in bytes, as asked for.
    pub size: u64,
    /// Its owner, as [`Owner::to_bits`](crate::abi::Owner::to_bits).
    pub owner: u64,
}

/// What the kernel has of memory besides the exchange heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(C)]
pub struct MemorySums {
    /// Frames that nobody has.
    pub free_frames: u64,
    /// Bytes allocated in the kernel's own heap.
    pub kernel_heap: u64,
    /// Bytes of the frames that the kernel's heap has. It does not shrink.
    pub kernel_heap_mapped: u64,
    /// Bytes of those that are for the records of faults.
    pub faults: u64,
    /// Channels that are not closed by both sides.
    pub channels: u64,
    /// Bytes of pages that these take, and their part of the ledger.
    pub channel_memory: u64,
    /// Bytes in which each thread's registers are kept while it is preempted, the vector registers among them. They are
    /// part of what the kernel's heap has for it.
    pub registers: u64,
}
