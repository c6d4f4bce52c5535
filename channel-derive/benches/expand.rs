//! What a contract costs to compile, without rustc: `cargo bench -p channel-derive`.
//!
//! The contract has twenty requests, each with its answer, forty messages in all. `expand` is the derive itself, from the
//! enum to the module; `parse` is what syn takes to read the enum; `print` is what it takes to make text of the module,
//! which rustc does not. It should stay under 50 ms. The numbers are a report; no test rests on them.

// A crate of macros exports nothing else, so the compiler's passes are compiled again, as parts of this program. Cargo
// defines `test` for it, and what tests alone use is then not used.
#![allow(dead_code, unused_imports)]

#[path = "../src/check/mod.rs"]
mod check;
#[path = "../src/depth.rs"]
mod depth;
#[path = "../src/diagnose.rs"]
mod diagnose;
#[path = "../src/expand/mod.rs"]
mod expand;
#[path = "../src/hygiene.rs"]
mod hygiene;
#[path = "../src/model.rs"]
mod model;
#[path = "../src/names.rs"]
mod names;
#[path = "../src/parse.rs"]
mod parse;
#[path = "../src/types.rs"]
mod types;
#[path = "../src/wire.rs"]
mod wire;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use syn::DeriveInput;

const REQUESTS: usize = 20;

/// The contract's source.
fn contract() -> String {
    let request = |i| {
        format!(
            "/// Asks for something.
             #[client(Ready => S{i})]
             Ask{i} {{ /** Where to put it. */ block: ExBox<[u8]>, /** Where it begins. */ offset: u64 }},
             /// Here it is.
             #[server(S{i} => Ready)]
             Reply{i} {{ /** The block. */ block: ExBox<[u8]>, /** How much. */ length: u32 }},"
        )
    };
    let requests: String = (0..REQUESTS).map(request).collect();
    format!("/// A large contract.\n#[contract(start = Ready)]\npub enum Large {{ {requests} }}")
}

fn parsed(text: &str) -> DeriveInput {
    syn::parse_str(text).expect("an enum")
}

fn forty_messages(criterion: &mut Criterion) {
    let text = contract();
    let input = parsed(&text);
    let module = expand::contract(&input).expect("a contract");
    let mut group = criterion.benchmark_group("forty messages");
    group.bench_function("parse", |bencher| bencher.iter(|| parsed(black_box(&text))));
    group.bench_function("expand", |bencher| bencher.iter(|| expand::contract(black_box(&input))));
    group.bench_function("print", |bencher| bencher.iter(|| black_box(&module).to_string()));
    group.finish();
}

criterion_group!(benches, forty_messages);
criterion_main!(benches);
