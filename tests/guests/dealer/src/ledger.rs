//! The comparison of the ledger with what the dealer knows.

use alloc::vec::Vec;

use contracts::abi::{Owner, OwnerKind};
use contracts::spec::probe::LedgerLine;
use contracts::spec::probe::probe::ClientListing;
use contracts::{ExBox, Side};
use trial::trouble::Trouble;

use crate::Glass;

/// Owners that a block may have, a bit each.
pub(crate) type Owners = u8;
pub(crate) const MINE: Owners = 1;
pub(crate) const TO_SERVER: Owners = 2;
pub(crate) const PEERS: Owners = 4;
pub(crate) const TO_CLIENT: Owners = 8;
/// It may be freed already.
pub(crate) const GONE: Owners = 16;

/// What the dealer knows of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) address: u64,
    pub(crate) size: u64,
    pub(crate) owners: Owners,
}

/// How often the ledger was compared, and what it showed.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) comparisons: u64,
    pub(crate) to_server: u64,
    pub(crate) to_client: u64,
    pub(crate) most_blocks: u64,
}

/// The looking-glass with the block that it writes to.
pub(crate) struct Ledger {
    probe: Glass,
    scratch: ExBox<[LedgerLine]>,
    own: Owner,
    pub(crate) seen: Seen,
}

impl Ledger {
    pub(crate) fn new(probe: Glass) -> Result<Self, Trouble> {
        let scratch = ExBox::from_fn(1024, |_| LedgerLine::default())?;
        Ok(Ledger { probe, scratch, own: contracts::binding::bare::owner(), seen: Seen::default() })
    }

    pub(crate) fn into_probe(self) -> Glass {
        self.probe
    }

    /// Compares the whole ledger with `known`, which lists every block that the dealer has made and not seen freed.
    pub(crate) fn compare(mut self, known: &[Known]) -> Result<Self, Trouble> {
        let ClientListing::Lines { lines, count, totals, next } = self.probe.list(self.scratch).receive()?;
        let listed = lines
            .get(..count as usize)
            .ok_or(Trouble::Wrong("the ledger: there are more lines than expected"))?;
        if count != totals.blocks || listed.iter().map(|line| line.size).sum::<u64>() != totals.bytes {
            return Err(Trouble::Wrong("the ledger: the sums over its lines are not what is allocated"));
        }
        let mut sorted: Vec<LedgerLine> = listed.into();
        sorted.sort_unstable_by_key(|line| line.address);
        if sorted.windows(2).any(|pair| pair[0].address + pair[0].size.max(1) > pair[1].address) {
            return Err(Trouble::Wrong("the ledger: two blocks overlap"));
        }
        let own = self.own;
        let mut mine = 0;
        for block in known {
            let found = sorted.binary_search_by_key(&block.address, |line| line.address);
            let Ok(line) = found.map(|at| sorted[at]) else {
                if block.owners & GONE != 0 {
                    continue;
                }
                return Err(Trouble::Wrong("the ledger: a block is not in it"));
            };
            if line.size != block.size {
                return Err(Trouble::Wrong("the ledger: a block has another size in it"));
            }
            let owner = owners(line, own);
            if owner & block.owners == 0 {
                rt::log!(
                    "block {:#x}: {:?}, may be {:#b}",
                    line.address,
                    Owner::from_bits(line.owner),
                    block.owners
                );
                return Err(Trouble::Wrong("the ledger: a block has another owner in it"));
            }
            mine += u64::from(owner == MINE);
            self.seen.to_server += u64::from(owner == TO_SERVER);
            self.seen.to_client += u64::from(owner == TO_CLIENT);
        }
        if sorted.iter().filter(|line| line.owner == own.to_bits()).count() as u64 != mine {
            return Err(Trouble::Wrong("the ledger: the dealer owns blocks in it that it does not have"));
        }
        if sorted.iter().any(|line| Owner::from_bits(line.owner).kind() == OwnerKind::Nobody) {
            return Err(Trouble::Wrong("the ledger: a block has no owner"));
        }
        self.seen.comparisons += 1;
        self.seen.most_blocks = self.seen.most_blocks.max(known.len() as u64);
        Ok(Ledger { probe: next, scratch: lines, ..self })
    }
}

/// Who has the block, to the process `own`.
fn owners(line: LedgerLine, own: Owner) -> Owners {
    match Owner::from_bits(line.owner).kind() {
        OwnerKind::Sip(_) if line.owner == own.to_bits() => MINE,
        OwnerKind::Sip(_) => PEERS,
        OwnerKind::InFlight { to: Side::Server, .. } => TO_SERVER,
        OwnerKind::InFlight { to: Side::Client, .. } => TO_CLIENT,
        OwnerKind::Kernel | OwnerKind::Nobody => 0,
    }
}
