//! A channel is allocated whole, so what is in flight at most must be small enough.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Open)]
enum Pictures {
    #[client(Open => Open, window = 65_535)]
    Line { number: u32 },
    #[client(Open => Open, window = 64)]
    Picture { pixels: [[u8; 1024]; 64] },
    #[client(Open => End)]
    Done,
}

#[derive(Contract)]
#[contract(start = Open)]
enum Whole {
    #[client(Open => End)]
    Disk { sectors: [[u8; 65_536]; 65_536] },
}

fn main() {}
