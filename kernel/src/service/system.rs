//! Process control and a look at the system, for the shell.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::sync::atomic::Ordering::Relaxed;

use contracts::abi::{Owner, OwnerKind};
use contracts::spec::system::{
    BlockSum, BlockTotals, ChannelInfo, Exit, Outcome, Placement, ProcessInfo, ProcessState, System, ending,
    system,
};
use contracts::{Endpoint, ExBox, Exhausted, Name, Service, Text};

use super::own::Never;
use crate::arch::{clock, cores, power};
use crate::memory::{PAGE_SIZE, heap};
use crate::sched::{self, KERNEL_PRIORITY};
use crate::{account, channel, exchange, log, memory, sip};

type Ready = system::Server<system::Ready>;

/// Serves process control. `wiring` is `boot/wiring`.
pub(super) fn serve(service: Service<System>, wiring: &[u8]) -> Never {
    let mut clients = service.clients::<()>();
    loop {
        let Ok(request) = clients.receive().received else { continue };
        // Without memory for the answer the client sees the channel close.
        if let Ok(client) = answer(request, wiring) {
            clients.insert(client, ());
        }
    }
}

fn answer(request: system::ServerReady, wiring: &[u8]) -> Result<Ready, Exhausted> {
    use system::ServerReady as Request;
    Ok(match request {
        Request::Processes { next } => next.process_list(processes()?),
        Request::Channels { next } => next.channel_list(channels()?),
        Request::Blocks { next } => {
            let (sums, totals) = blocks()?;
            next.block_sums(sums, totals)
        }
        Request::Log { next } => {
            admit()?;
            let text = log::recent();
            next.log_text(bytes_of(text.as_bytes())?)
        }
        Request::Uptime { next } => next.time(clock::now_ns()),
        Request::Start { name, image, argument, ending, next } => {
            let started = sip::start(&image, &argument, asker(&next));
            answer_start(next, started.map_err(|error| format!("{name}: {error}")), ending)
        }
        Request::StartBoot { name, argument, ending, next } => {
            let started = sip::start_kept(&name, &argument, asker(&next));
            let started = match started {
                Some(started) => started.map_err(|error| format!("{name}: {error}")),
                None => Err(format!("{name}: the system's wiring does not name it")),
            };
            answer_start(next, started, ending)
        }
        Request::Wiring { next } => next.wiring_bytes(bytes_of(wiring)?),
        Request::Kill { sip, next } => {
            // The one who asks may be the one who ends; then nobody takes the answer.
            match sip::end(sip, sip::Exit::plain(Exit::Killed)) {
                Ok(()) => next.killed(),
                Err(sip::NoSuchSip) => next.no_such_process(),
            }
        }
        Request::Faults { next } => {
            admit()?;
            let mut list = Vec::new();
            sip::survey_faults(|fault| list.push(*fault));
            next.fault_list(block_of(&list)?)
        }
        Request::Fault { number, next } => {
            match sip::with_fault_text(number, |text| bytes_of(text.as_bytes())) {
                Some(text) => next.fault_text(text?),
                None => next.no_such_fault(),
            }
        }
        Request::Shutdown { outcome } => power::exit(match outcome {
            Outcome::Success => power::Exit::Success,
            Outcome::Failure => power::Exit::Failure,
        }),
    })
}

fn answer_start(
    next: system::Server<system::Starting>,
    started: Result<u32, String>,
    ending: ending::Client<ending::Running>,
) -> Ready {
    match started {
        Ok(id) => {
            sip::watch(id, ending);
            next.started(id)
        }
        Err(reason) => next.refused(Text::truncated(&reason)),
    }
}

/// The SIP at the other end; 0 if that is on its way to another.
fn asker(next: &impl Endpoint) -> u32 {
    next.as_raw().peer_sip()
}

/// Whether an answer of some length may be put together.
fn admit() -> Result<(), Exhausted> {
    memory::admit().map_err(|memory::Exhausted| Exhausted)
}

fn bytes_of(bytes: &[u8]) -> Result<ExBox<[u8]>, Exhausted> {
    ExBox::from_fn(bytes.len(), |index| bytes[index])
}

fn block_of<T: contracts::Exchange + Copy>(list: &[T]) -> Result<ExBox<[T]>, Exhausted> {
    ExBox::from_fn(list.len(), |index| list[index])
}

fn processes() -> Result<ExBox<[ProcessInfo]>, Exhausted> {
    admit()?;
    let mut blocks: BTreeMap<u64, u64> = BTreeMap::new();
    exchange::survey(|owner, size| *blocks.entry(owner.to_bits()).or_default() += size as u64);
    let blocks_of = |owner: Owner| blocks.get(&owner.to_bits()).copied().unwrap_or(0);
    let mut messages: BTreeMap<u64, u64> = BTreeMap::new();
    channel::survey(|view| {
        let [client, server] = view.owners.map(Owner::to_bits);
        *messages.entry(client).or_default() += view.messages;
        if server != client {
            *messages.entry(server).or_default() += view.messages;
        }
    });
    let messages_of = |owner: Owner| messages.get(&owner.to_bits()).copied().unwrap_or(0);
    let mut list = alloc::vec![ProcessInfo {
        id: 0,
        state: ProcessState::Ready,
        priority: KERNEL_PRIORITY as u8,
        placement: Placement::Kernel,
        threads: sched::kernel_threads(),
        parent: 0,
        ticks: account::KERNEL.budget().total(),
        messages: messages_of(Owner::KERNEL),
        memory: heap::bytes_mapped() as u64,
        shared: 0,
        blocks: blocks_of(Owner::KERNEL),
        base: crate::KERNEL_BASE,
        name: Name::truncated("kernel"),
    }];
    sip::survey(|view| {
        list.push(ProcessInfo {
            id: view.id,
            state: view.state,
            priority: view.priority,
            placement: view.placement,
            threads: view.threads,
            parent: view.parent,
            ticks: view.ticks,
            messages: messages_of(Owner::sip(view.id)),
            memory: view.memory as u64,
            shared: view.shared as u64,
            blocks: blocks_of(Owner::sip(view.id)),
            base: view.base.as_u64(),
            name: Name::truncated(view.name),
        });
    });
    block_of(&list)
}

fn channels() -> Result<ExBox<[ChannelInfo]>, Exhausted> {
    admit()?;
    let mut list = Vec::new();
    channel::survey(|view| {
        list.push(ChannelInfo {
            id: view.id,
            messages: view.messages,
            contract: Text::truncated(view.contract),
            state: Text::truncated(view.state),
            client: Text::truncated(&sip::owner_name(view.owners[0])),
            server: Text::truncated(&sip::owner_name(view.owners[1])),
        });
    });
    block_of(&list)
}

fn blocks() -> Result<(ExBox<[BlockSum]>, BlockTotals), Exhausted> {
    admit()?;
    let mut sums: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    let totals = exchange::survey(|owner, size| {
        // In flight is one line, however many channels.
        let key = match owner.kind() {
            OwnerKind::InFlight { .. } => u64::MAX,
            _ => owner.to_bits(),
        };
        let sum = sums.entry(key).or_default();
        *sum = (sum.0 + 1, sum.1 + size as u64);
    });
    let list: Vec<BlockSum> = sums
        .into_iter()
        .map(|(owner, (blocks, bytes))| BlockSum {
            owner: match owner {
                u64::MAX => Text::truncated("in flight"),
                _ => Text::truncated(&sip::owner_name(Owner::from_bits(owner))),
            },
            blocks,
            bytes,
        })
        .collect();
    Ok((block_of(&list)?, block_totals(totals)))
}

/// The heap's totals with this core's counters.
pub(super) fn block_totals(totals: exchange::Totals) -> BlockTotals {
    let counters = &cores::core().counters;
    BlockTotals {
        blocks: totals.blocks as u64,
        bytes: totals.bytes as u64,
        mapped: (totals.pages * PAGE_SIZE) as u64,
        blocks_moved: counters.blocks_moved.load(Relaxed),
        bytes_moved: counters.bytes_moved.load(Relaxed),
        bytes_copied: counters.bytes_copied.load(Relaxed),
        hand_offs: counters.hand_offs.load(Relaxed),
    }
}
