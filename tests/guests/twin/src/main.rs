//! Says where it lies in memory, and stays until it is told to go.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use core::hint::black_box;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;

use contracts::Closed;
use rt::clock::ticks;
use trial::roll::roll::ClientStaying;
use trial::roll::{Places, Roll};

rt::manifest! {
    main: main,
    uses: { roll: Roll },
    priority: 12,
}

static CONSTANT: [u8; 5] = *b"twins";
static POINTER: &[u8; 5] = &CONSTANT;
static VARIABLE: AtomicU64 = AtomicU64::new(7);

fn main(grants: Grants) -> Result<(), &'static str> {
    let began = ticks();
    // One that another twin has changed would no longer be what it was.
    if VARIABLE.fetch_add(1, Relaxed) != 7 || black_box(POINTER) != b"twins" {
        return Err("its memory is not as its image says");
    }
    let local = 0u8;
    let places = Places {
        began,
        code: main as *const () as usize as u64,
        constant: (&raw const CONSTANT) as usize as u64,
        pointer: (&raw const POINTER) as usize as u64,
        variable: (&raw const VARIABLE) as usize as u64,
        stack: (&raw const local) as usize as u64,
    };
    match grants.roll.here(places).receive() {
        Ok(ClientStaying::Go) => Ok(()),
        Err(Closed) => Err("nobody keeps the roll"),
    }
}
