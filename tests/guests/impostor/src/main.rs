//! Attacks whom it talks to, and the kernel between them, as its argument says, with messages that no program sends whose
//! contracts the compiler checked. In a domain it gets nowhere; nowhere else is it to run.
#![no_std]
#![no_main]

extern crate alloc;

mod messages;

use contracts::abi::Table;

rt::manifest! {
    main: main,
    uses: { oracle: trial::quiz::Quiz },
    memory: 4 << 20,
}

/// What a call returns that is refused.
const REFUSED: u64 = u64::MAX;

/// The kernel's functions, which are system calls here.
fn kernel() -> &'static Table {
    // SAFETY: there is none: it attacks.
    unsafe { contracts::binding::bare::table() }
}

/// Calls one of them. All return something, whatever their type says.
fn ask(function: usize, first: u64, second: u64) -> u64 {
    // SAFETY: as above.
    let function = unsafe { core::mem::transmute::<usize, extern "C" fn(u64, u64) -> u64>(function) };
    function(first, second)
}

fn main(grants: Grants) {
    match grants.argument {
        "late-write" => messages::write_after_send(grants.oracle),
        "leftovers" => messages::look_for_leftovers(grants.oracle, grants.ports.oracle),
        "handles" => messages::forge(grants.oracle),
        case => messages::break_contract(grants.oracle, case),
    }
}
