//! Does what its argument says, all of it wrong. It is to take nothing with it.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;
use core::arch::asm;
use core::hint::black_box;
use core::sync::atomic::AtomicU8;
use core::time::Duration;

use contracts::spec::directory::Directory;
use contracts::spec::directory::directory::{Client, ClientLookingUp, Ready};
use contracts::spec::ping::PingPong;
use contracts::spec::ping::ping_pong::{Idle, Server};
use contracts::{Closed, Contract, EndpointSet, ExBox, Exhausted, Instant, Name, SendFirst};
use trial::echo::{Echo, echo};
use trial::feed::{Feed, feed};
use trial::harm::{spin, wait};
use trial::outdated::Lobby as Outdated;
use trial::table::Lobby;

rt::manifest! {
    main: main,
    uses: { directory: Directory, pong: PingPong },
    memory: 4 << 20,
    threads: 12,
    cpu_percent: 60,
}

/// An instruction that returns, where no instruction should be.
const RETURN: u8 = 0xc3;
static CONSTANT: [u8; 16] = [RETURN; 16];
static VARIABLE: AtomicU8 = AtomicU8::new(RETURN);

fn main(grants: Grants) -> Result<(), &'static str> {
    // What it has when it dies: blocks, a channel to somebody who answers, and both ends of one with a message in flight.
    let blocks: Vec<_> = (0..20).map(|size| ExBox::zeroed(size * 1000)).collect();
    let waiting = grants.pong.ping(1);
    let own = PingPong::channel().map(|(client, server)| (client.ping(2), server));
    let what = match grants.argument.strip_prefix("crew ") {
        Some(what) => {
            start_crew().map_err(|Mutiny| "there is no crew")?;
            what
        }
        None => grants.argument,
    };
    match what.split_once(' ').unwrap_or((what, "")) {
        ("wait", _) => contracts::time::sleep_until(Instant::from_nanos(u64::MAX)),
        ("edge", what) => edge(what),
        ("hoard", _) => {
            // All blocks that the machine has room for.
            let mut hoard = Vec::new();
            while let Ok(block) = ExBox::<[u8]>::zeroed(1 << 20) {
                hoard.push(block);
            }
            rt::log!("hoarded {} MiB", hoard.len());
            panic!("hoarded");
        }
        ("thread", case) => {
            if rt::thread::spawn(move || go_wrong(case)).is_err() {
                return Err("there is no other thread");
            }
            // It takes this thread with it, which waits for nothing else.
            let (waiting, _server) = PingPong::channel().expect("there is memory");
            drop(waiting.ping(1).receive());
        }
        ("fail", _) => return Err("it was told to"),
        ("lookup", name) => lookup::<PingPong>(grants.directory, name, PingPong::FINGERPRINT),
        ("lobby", name) => lookup::<Lobby>(grants.directory, name, Lobby::FINGERPRINT),
        ("outdated", name) => lookup::<Outdated>(grants.directory, name, Outdated::FINGERPRINT),
        // The right number, by whoever heard it somewhere, and the wrong type.
        ("mistaken", name) => lookup::<Outdated>(grants.directory, name, Lobby::FINGERPRINT),
        _ => go_wrong(what),
    }
    drop((blocks, waiting, own));
    Ok(())
}

/// What any thread can do wrong.
#[inline(always)]
fn go_wrong(case: &'static str) {
    match case.split_once(' ').unwrap_or((case, "")) {
        // SAFETY: there is none: the load faults, and the process with it.
        ("null", _) => unsafe { asm!("mov {0}, [{0}]", inout(reg) 0u64 => _) },
        // SAFETY: as above.
        ("write", _) => unsafe { asm!("mov qword ptr [{0}], 1", in(reg) main as *const () as usize) },
        // SAFETY: as above.
        ("constant", _) => unsafe { asm!("mov byte ptr [{0}], 1", in(reg) &raw const CONSTANT) },
        // SAFETY: as above.
        ("execute", _) => unsafe { asm!("call {0}", in(reg) &raw const CONSTANT, clobber_abi("C")) },
        // SAFETY: as above.
        ("variable", _) => unsafe { asm!("call {0}", in(reg) &raw const VARIABLE, clobber_abi("C")) },
        // SAFETY: as above.
        ("jump", _) => unsafe { asm!("call {0}", in(reg) 0x1234u64, clobber_abi("C")) },
        // SAFETY: as above.
        ("divide", _) => unsafe {
            asm!("div {0}", in(reg) 0u64, inout("rax") 1u64 => _, inout("rdx") 0u64 => _)
        },
        // SAFETY: as above.
        ("illegal", _) => unsafe { asm!("ud2") },
        // An address that is none: its upper bits are not all alike.
        // SAFETY: as above.
        ("protection", _) => unsafe { asm!("mov {0}, [{0}]", inout(reg) 1u64 << 63 => _) },
        ("overflow", _) => {
            black_box(deeper(black_box(1)));
        }
        // SAFETY: as above: far below the stack there is nothing.
        ("plunge", _) => unsafe { asm!("sub rsp, 0x40000", "push 0", options(noreturn)) },
        ("panic", what) => panic!("{what}"),
        ("memory", _) => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(Vec::<u8>::with_capacity(black_box(100_000)));
            }
        }
        ("spin", _) => spin(),
        _ => {}
    }
}

/// Why there is no crew.
struct Mutiny;

impl From<rt::thread::SpawnError> for Mutiny {
    fn from(_: rt::thread::SpawnError) -> Self {
        Mutiny
    }
}

impl From<Exhausted> for Mutiny {
    fn from(_: Exhausted) -> Self {
        Mutiny
    }
}

/// Starts threads that never end by themselves: one computes, one waits for good, one for a while at a time, one has the
/// kernel do long work, one waits for room in a stream, and two send each other a block.
fn start_crew() -> Result<(), Mutiny> {
    rt::thread::spawn(|| spin())?;
    rt::thread::spawn(wait)?;
    rt::thread::spawn(|| {
        loop {
            contracts::time::sleep_until(Instant::now() + Duration::from_millis(1));
        }
    })?;
    rt::thread::spawn(|| {
        loop {
            black_box(ExBox::<[u8]>::zeroed(3 << 20).is_ok());
        }
    })?;
    rt::thread::spawn(feed_nobody)?;
    let (client, server) = Echo::channel()?;
    rt::thread::spawn(move || echo(server))?;
    rt::thread::spawn(move || _ = ask_for_echo(client))?;
    // Each has its turn before it goes on.
    contracts::time::sleep_until(Instant::now() + Duration::from_millis(5));
    Ok(())
}

/// Fills the window of a stream that nobody reads.
fn feed_nobody() {
    let Ok((eater, feeder)) = Feed::channel() else { return };
    let _eater = eater.start();
    let Ok(feed::ServerReady::Start { next: mut feeding }) = feeder.receive() else { return };
    while let Ok(next) = feeding.item(1) {
        feeding = next;
    }
}

fn echo(mut server: echo::Server<echo::Idle>) {
    while let Ok(echo::ServerIdle::There { block, next }) = server.receive() {
        server = next.back(block);
    }
}

fn ask_for_echo(mut client: echo::Client<echo::Idle>) -> Result<(), Closed> {
    let Ok(mut block) = ExBox::<[u8]>::zeroed(5000) else { return Ok(()) };
    loop {
        echo::ClientWaiting::Back { block, next: client } = client.there(block).receive()?;
    }
}

fn deeper(depth: u64) -> u64 {
    let frame = black_box([depth; 32]);
    if depth == 0 { 0 } else { deeper(frame[7] + 1) + frame[3] }
}

/// Asks the kernel for something from ever deeper in the stack, until too little is left for it.
fn edge(what: &str) {
    match what {
        "log" => deeper_and(&|| rt::log!("at the edge")),
        "clock" => deeper_and(&|| _ = black_box(rt::clock::now())),
        "block" => deeper_and(&|| _ = black_box(ExBox::<[u8]>::zeroed(64))),
        "pages" => deeper_and(&|| _ = black_box(ExBox::<[u8]>::zeroed(1 << 20))),
        "heap" => deeper_and(&|| core::mem::forget(black_box(Vec::<u8>::with_capacity(9000)))),
        "channel" => deeper_and(&|| _ = black_box(PingPong::channel())),
        "set" => deeper_and(&|| _ = black_box(EndpointSet::<Server<Idle>>::new())),
        "wait" => deeper_and(&|| {
            if let Ok((_client, server)) = PingPong::channel() {
                _ = black_box(server.receive_by(Instant::now()));
            }
        }),
        _ => 0,
    };
}

#[expect(unconditional_recursion, reason = "its stack ends some time")]
fn deeper_and(ask: &dyn Fn()) -> u64 {
    let depth = black_box([1u64; 4]);
    ask();
    deeper_and(ask) + depth[1]
}

fn lookup<C: Contract>(directory: Client<Ready>, name: &str, fingerprint: u64)
where
    C::Client: SendFirst,
{
    match directory.lookup(Name::truncated(name), fingerprint).receive() {
        Ok(ClientLookingUp::Found { endpoint, .. }) => match endpoint.downcast::<C::Client>() {
            Ok(_) => rt::log!("lookup {name}: found"),
            Err(error) => rt::log!("lookup {name}: found, and not taken: {error}"),
        },
        Ok(ClientLookingUp::Unknown { .. }) => rt::log!("lookup {name}: unknown"),
        Ok(ClientLookingUp::Refused { error, .. }) => rt::log!("lookup {name}: refused: {error}"),
        Err(Closed) => rt::log!("lookup {name}: the directory is gone"),
    }
}
