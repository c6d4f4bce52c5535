//! Fails from within calls, each of which can be told by its name.
#![no_std]
#![no_main]

use core::arch::asm;
use core::hint::black_box;

use contracts::Contract;
use contracts::spec::ping::PingPong;

rt::manifest! {
    main: main,
}

fn main(grants: Grants) {
    outer(grants.argument);
}

#[inline(never)]
fn outer(what: &str) {
    black_box(middle(black_box(what)));
}

#[inline(never)]
fn middle(what: &str) -> u64 {
    black_box(inner(black_box(what))) + 1
}

/// Goes on from a call of its own, or not.
#[inline(never)]
fn inner(what: &str) -> u64 {
    let nothing = black_box(0usize);
    match what {
        // SAFETY: there is none: the process is to end by it.
        "body" => unsafe { asm!("ud2") },
        "panic" => {
            (1..=10).for_each(|line| rt::log!("line {line}"));
            panic!("from within")
        }
        // With more channels than a record has room for.
        "channels" => {
            let channels: [_; 300] = core::array::from_fn(|_| PingPong::channel());
            rt::log!("{} channels", channels.iter().filter(|channel| channel.is_ok()).count());
            // SAFETY: as above.
            unsafe { asm!("ud2") }
        }
        // By the library's own functions.
        "bounds" => return u64::from(black_box(&[1u8, 2, 3][..])[3 + nothing]),
        "expect" => return black_box(None::<u64>).expect("something"),
        "format" => panic!("{}", Faulty),
        // In a function of the library's that calls nobody, and so keeps no frame.
        // SAFETY: as above: there is nothing at the address.
        "leaf" => return valid(unsafe { core::slice::from_raw_parts(black_box(16) as *const u8, 64) }),
        // In a function written by hand.
        // SAFETY: as above.
        "copy" => unsafe {
            core::ptr::copy(black_box(&[1; 64]).as_ptr(), black_box(16) as *mut u8, black_box(64))
        },
        // Where there is no code.
        // SAFETY: as above.
        "astray" => unsafe { asm!("call {0}", in(reg) 0x1234u64, clobber_abi("C")) },
        // On the first instruction of a function, on the way into it.
        "entry" => return descend(black_box(1)),
        "kernel" => loop {
            black_box(ask(black_box(1)));
        },
        // With registers that lead nowhere, or round and round.
        // SAFETY: as above.
        "loop" => unsafe {
            asm!("lea {0}, [rsp - 64]", "mov [{0}], {0}", "mov [{0} + 8], {1}", "mov rbp, {0}", "ud2",
                out(reg) _, in(reg) inner as *const () as u64 + 5)
        },
        _ if what.starts_with("frame ") => {
            let frame: u64 = what[6..].parse().unwrap_or(0);
            // SAFETY: as above.
            unsafe { asm!("mov rbp, {0}", "ud2", in(reg) frame, options(noreturn)) }
        }
        _ if what.starts_with("stack ") => {
            let stack: u64 = what[6..].parse().unwrap_or(0);
            // SAFETY: as above.
            unsafe { asm!("mov rsp, {0}", "xor ebp, ebp", "ud2", in(reg) stack, options(noreturn)) }
        }
        "spin" => return spin(black_box(7)),
        "wait" => contracts::time::sleep_until(contracts::Instant::from_nanos(u64::MAX)),
        _ => {}
    }
    black_box(0)
}

struct Faulty;

impl core::fmt::Display for Faulty {
    fn fmt(&self, _: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // SAFETY: as above.
        unsafe { asm!("ud2") };
        Ok(())
    }
}

#[inline(never)]
fn valid(bytes: &[u8]) -> u64 {
    black_box(core::str::from_utf8(bytes)).map_or(0, |text| text.len() as u64)
}

/// Its first instruction is what overflows.
#[inline(never)]
#[expect(unconditional_recursion, reason = "its stack ends some time")]
fn descend(depth: u64) -> u64 {
    black_box(descend(black_box(depth + 1))) + depth
}

/// Asks the kernel from ever deeper in the stack.
#[inline(never)]
#[expect(unconditional_recursion, reason = "its stack ends some time")]
fn ask(depth: u64) -> u64 {
    black_box(rt::clock::now());
    black_box(ask(black_box(depth + 1))) + depth
}

/// Is in one small function or another, and in the middle of one as well as at its ends.
#[inline(never)]
fn spin(seed: u64) -> u64 {
    let mut sum = seed;
    loop {
        sum = black_box(step(black_box(sum)));
        if black_box(core::str::from_utf8(&sum.to_le_bytes())).is_ok() {
            sum ^= 1;
        }
    }
}

#[inline(never)]
fn step(sum: u64) -> u64 {
    sum.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1)
}
