//! Attacks whom it talks to, and the kernel between them, as its argument says, with messages that no program sends whose
//! contracts the compiler checked. In a domain it gets nowhere; nowhere else is it to run.
#![no_std]
#![no_main]

extern crate alloc;

mod fuzz;
mod messages;
mod threads;

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
    let (case, argument) = grants.argument.split_once(' ').unwrap_or((grants.argument, ""));
    match case {
        "late-write" => threads::write_after_send(grants.oracle),
        "late-read" => threads::read_after_send(grants.oracle),
        "other-thread" => threads::write_while_it_is_read(grants.oracle),
        "waiters" => {
            threads::use_what_others_wait_by(grants.oracle, &grants.ports.oracle, argument == "pass")
        }
        "leftovers" => messages::look_for_leftovers(grants.oracle, grants.ports.oracle),
        "rounding" => messages::ask_rounding_upwards(grants.oracle),
        "selection" => threads::end_with_a_member(grants.oracle),
        "own-chain" => messages::close_what_carries_itself(),
        "set" => messages::close_a_set_with_a_member(grants.oracle),
        "handles" => messages::forge(grants.oracle),
        "fuzz" => fuzz::run(argument, grants.oracle, &grants.ports.oracle),
        case => messages::break_contract(grants.oracle, case),
    }
}
