//! Testing a server without its clients. After `01_first_contract`.
//!
//! `contracts::testing` brings peers that run against one side of a contract in plain `cargo test`: a script, which says
//! given messages and expects given answers, and a walk, which goes wherever the contract lets it, with made-up values, and
//! closes at any point. Here is a server that keeps a sum, and what its crate's tests would say of it. The crate needs
//! `contracts = { ..., features = ["std"] }` among its `[dev-dependencies]`, nothing else.
#![forbid(unsafe_code)]

use contracts::testing::{Script, Walk};
use contracts::{Contract, ExBox, Side};

/// Adds numbers.
///
/// ```text
/// Open --?Add--> Adding --!Sum--> Open
///                Adding --!Overflow--> Open
/// ```
#[derive(Contract)]
#[contract(start = Open)]
pub enum Adder {
    /// Adds these.
    #[client(Open => Adding)]
    Add {
        /// The numbers.
        numbers: ExBox<[u32]>,
    },
    /// Their sum and all before.
    #[server(Adding => Open)]
    Sum {
        /// The sum.
        sum: u32,
    },
    /// It would be too large. The sum is as it was.
    #[server(Adding => Open)]
    Overflow,
}

use adder::{Open, Server, ServerOpen};

fn serve(mut server: Server<Open>) {
    let mut sum = 0_u32;
    while let Ok(ServerOpen::Add { numbers, next }) = server.receive() {
        server = match numbers.iter().try_fold(sum, |sum, number| sum.checked_add(*number)) {
            Some(total) => {
                sum = total;
                next.sum(sum)
            }
            None => next.overflow(),
        };
    }
}

fn add(numbers: &[u32]) -> Adder {
    Adder::Add { numbers: ExBox::copy_of(numbers).expect("memory for a block") }
}

fn main() {
    Script::new()
        .sends(add(&[1, 2, 3]))
        .expects(Adder::Sum { sum: 6 })
        .sends(add(&[u32::MAX]))
        .expects(Adder::Overflow)
        .sends(add(&[]))
        .expects_that("the sum as it was", |answer| matches!(answer, Adder::Sum { sum: 6 }))
        .server(serve);
    println!("the script is kept");

    // The walk knows no right answers, so the test brings a model: it sees every message and asserts.
    let model = || {
        let (mut before, mut after) = (0_u64, 0_u64);
        move |_: Side, message: &Adder| match message {
            Adder::Add { numbers } => after = before + numbers.iter().copied().map(u64::from).sum::<u64>(),
            Adder::Sum { sum } => {
                assert_eq!(u64::from(*sum), after);
                before = after;
            }
            Adder::Overflow => assert!(after > u64::from(u32::MAX)),
        }
    };
    Walk::new().seed(1).checked_by(model).server(serve);
    println!("so is the contract, wherever the walk went");
}

#[test]
fn the_adder_keeps_script_and_walk() {
    main();
}
