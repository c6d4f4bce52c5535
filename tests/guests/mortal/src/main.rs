//! Says farewell up to a point, and dies there in some way, both as its argument says: `POINT WAY`.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;
use core::arch::asm;
use core::hint::black_box;
use core::time::Duration;

use contracts::spec::ping::{PingPong, ping_pong};
use contracts::{Closed, Contract, ExBox, Instant};
use trial::farewell::farewell::{Client, ClientBringing, ClientLeaving, Living};
use trial::farewell::{BLOCK, Farewell, NUMBERS, POINTS, Point};
use trial::harm::{spin, wait};

rt::manifest! {
    main: main,
    uses: { mourner: Farewell },
    memory: 2 << 20,
    cpu_percent: 10,
}

fn main(grants: Grants) -> Result<(), &'static str> {
    let (point, way) = grants.argument.split_once(' ').unwrap_or((grants.argument, ""));
    let point = POINTS.iter().find(|(name, _)| *name == point).ok_or("there is no such point")?.1;
    let left = speak(grants.mourner, point).map_err(|_| "nobody listens")?;
    let end = die(way);
    drop(left);
    end
}

/// What it has when it dies: the end by which it speaks, in whatever state, and that of the channel whose other end it
/// brought.
#[expect(dead_code, reason = "it is there to be dropped, or not")]
enum Left {
    Speaking(Client<Living>),
    Leaving(Client<trial::farewell::farewell::Leaving>),
    Bringing(Client<trial::farewell::farewell::Bringing>),
}

fn speak(
    client: Client<Living>,
    point: Point,
) -> Result<(Left, Option<ping_pong::Server<ping_pong::Idle>>), Closed> {
    let mut client = client;
    if point >= Point::Said {
        for number in 0..NUMBERS {
            client = client.say(number).map_err(|_| Closed)?;
        }
    }
    if point < Point::Left {
        return Ok((Left::Speaking(client), None));
    }
    let (size, content) = BLOCK;
    let leaving = client.leave(ExBox::from_fn(size, |_| content).map_err(|_| Closed)?);
    if point == Point::Left {
        return Ok((Left::Leaving(leaving), None));
    }
    let ClientLeaving::Thanks { next, .. } = leaving.receive()?;
    if point == Point::Thanked {
        return Ok((Left::Speaking(next), None));
    }
    let (brought, server) = PingPong::channel().map_err(|_| Closed)?;
    let bringing = next.bring(brought);
    if point == Point::Brought {
        return Ok((Left::Bringing(bringing), Some(server)));
    }
    let ClientBringing::Taken { next } = bringing.receive()?;
    Ok((Left::Speaking(next), Some(server)))
}

/// Ends, or does what it is ended for.
fn die(way: &str) -> Result<(), &'static str> {
    match way {
        "return" => {}
        "failure" => return Err("it was told to"),
        "panic" => panic!("on purpose"),
        // SAFETY: there is none: the load faults, and the process with it.
        "null" => unsafe { asm!("mov {0}, [{0}]", inout(reg) 0u64 => _) },
        // SAFETY: as above.
        "write" => unsafe { asm!("mov qword ptr [{0}], 1", in(reg) main as *const () as usize) },
        // SAFETY: as above.
        "jump" => unsafe { asm!("call {0}", in(reg) 0x1234u64, clobber_abi("C")) },
        // SAFETY: as above.
        "divide" => unsafe { asm!("div {0}", in(reg) 0u64, inout("rax") 1u64 => _, inout("rdx") 0u64 => _) },
        // SAFETY: as above.
        "illegal" => unsafe { asm!("ud2") },
        // SAFETY: as above. An address that is none: its upper bits are not all alike.
        "protection" => unsafe { asm!("mov {0}, [{0}]", inout(reg) 1u64 << 62 => _) },
        "overflow" => _ = black_box(deeper(black_box(1))),
        "memory" => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(Vec::<u8>::with_capacity(black_box(100_000)));
            }
        }
        "spin" => spin(),
        "kill" => wait(),
        "threads-null" | "threads-kill" => {
            start_crew(way == "threads-null").map_err(|_| "there is no crew")?;
            wait();
        }
        _ => return Err("there is no such way"),
    }
    Ok(())
}

/// Starts threads: one computes, one waits for good, and one dies if it is to.
fn start_crew(dies: bool) -> Result<(), rt::thread::SpawnError> {
    rt::thread::spawn(|| spin())?;
    rt::thread::spawn(wait)?;
    rt::thread::spawn(move || {
        contracts::time::sleep_until(Instant::now() + Duration::from_millis(5));
        if dies {
            // Nothing comes of it but the end.
            let _ = die("null");
        }
    })
}

fn deeper(depth: u64) -> u64 {
    let frame = black_box([depth; 32]);
    if depth == 0 { 0 } else { deeper(frame[7] + 1) + frame[3] }
}
