//! Sends blocks down a line of processes and reports what became of them, as lines `fact KIND KEY=VALUE...` in the
//! kernel's log.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec::Vec;

use contracts::spec::probe::{Probe, probe};
use contracts::spec::system::{BlockTotals, Outcome, System};
use contracts::{Closed, ExBox, Exhausted};
use trial::line::conveyor::{Client, ClientPassing, Idle};
use trial::line::{Conveyor, Handling, Stop, look};
use trial::trouble::Trouble;

rt::manifest! {
    main: main,
    uses: { relay: Conveyor, probe: Probe, system: System },
    blocks: u64::MAX,
}

/// The next process of the line, and the looking-glass.
struct Line {
    relay: Client<Idle>,
    probe: probe::Client<probe::Ready>,
}

const MOST: usize = 16 << 20;
/// A block of so many bytes or fewer lies in a page with others.
const LARGEST_THAT_SHARES_A_PAGE: usize = 2048;

fn main(grants: Grants) {
    let line = Line { relay: grants.relay, probe: grants.probe };
    let outcome = match run(line) {
        Ok(()) => Outcome::Success,
        Err(trouble) => {
            rt::log!("{trouble}");
            Outcome::Failure
        }
    };
    grants.system.shutdown(outcome);
}

fn run(mut line: Line) -> Result<(), Trouble> {
    let powers = (0..).map(|exponent| 1 << exponent).take_while(|&size| size <= MOST);
    let odd = [3, 7, 63, 65, 100, 1000, 2047, 2049, 4095, 4097, 8191, 65_537, 1_048_577, 9_999_999, MOST - 1];
    for size in powers.chain(odd) {
        line = line.send(size, Handling::Move)?;
    }
    for size in [1, 64, 4096, 65_537] {
        line = line.send(size, Handling::Copy)?;
    }
    line.send_without_memory()
}

impl Line {
    /// Sends one block down the line and reports.
    fn send(self, size: usize, handling: Handling) -> Result<Self, Trouble> {
        let mut seed = size as u32;
        let block = ExBox::from_fn(size, |_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as u8
        })?;
        let (line, before) = self.totals()?;
        let (line, [first, second, third, back]) = line.pass(block, handling)?;
        let (line, after) = line.totals()?;
        rt::log!(
            "fact send size={size} handling={handling:?} copied={} moved={}",
            after.bytes_copied - before.bytes_copied,
            after.bytes_moved - before.bytes_moved
        );
        for stop in [first, second, third, back] {
            let Stop { sip, address, physical, frames, content } = stop;
            rt::log!(
                "fact stop size={size} handling={handling:?} sip={sip} address={address} physical={physical} \
                frames={frames} content={content}"
            );
        }
        Ok(line)
    }

    /// Sends a block there and back; what was seen of it here, at the two stops, and here again.
    fn pass(mut self, block: ExBox<[u8]>, handling: Handling) -> Result<(Self, [Stop; 4]), Trouble> {
        let (here, back);
        (self.probe, here) = look(self.probe, &block)?;
        let ClientPassing::Passed { block, stops: [first, second], next } =
            self.relay.pass(block, handling).receive()?;
        (self.probe, back) = look(self.probe, &block)?;
        Ok((Line { relay: next, ..self }, [here, first, second, back]))
    }

    fn totals(mut self) -> Result<(Self, BlockTotals), Closed> {
        let probe::ClientSumming::Sums { totals, next, .. } = self.probe.sum().receive()?;
        self.probe = next;
        Ok((self, totals))
    }

    /// Takes all memory there is, then sends blocks.
    fn send_without_memory(mut self) -> Result<(), Trouble> {
        let (here, before) = self.totals()?;
        self = here;
        let mut hoard = Vec::with_capacity(8192);
        let mut size = 1 << 20;
        // Until not even the smallest block is to be had.
        while size > 0 && hoard.len() < hoard.capacity() {
            match ExBox::<[u8]>::zeroed(size) {
                Ok(block) => hoard.push(block),
                Err(Exhausted) => size /= 2,
            }
        }
        let (blocks, left) = (hoard.len(), size);
        let (mut sent, mut same, mut small) = (0, 0, 0);
        let Line { mut relay, mut probe } = self;
        for block in hoard {
            let (here, back);
            (probe, here) = look(probe, &block)?;
            // A domain may have no page tables for it.
            let Ok(ClientPassing::Passed { block, stops: [first, second], next }) =
                relay.pass(block, Handling::Move).receive()
            else {
                break;
            };
            (probe, back) = look(probe, &block)?;
            relay = next;
            sent += 1;
            small += u64::from(block.len() <= LARGEST_THAT_SHARES_A_PAGE);
            same += u64::from([first, second, back].iter().all(|stop| stop.frames == here.frames));
        }
        let probe::ClientSumming::Sums { totals: after, .. } = probe.sum().receive()?;
        rt::log!(
            "fact exhausted blocks={blocks} left={left} sent={sent} small={small} same={same} extra={}",
            after.blocks as i64 - before.blocks as i64
        );
        Ok(())
    }
}
