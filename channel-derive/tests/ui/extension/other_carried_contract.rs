//! A message of the base carries an endpoint of another contract of the same name.

use contracts::Contract;

mod old {
    use contracts::Contract;

    #[derive(Contract)]
    #[contract(start = Open)]
    pub enum File {
        #[client(Open => End)]
        Close,
    }

    #[derive(Contract)]
    #[contract(start = Ready)]
    pub enum Store {
        #[client(Ready => Opening)]
        Open,
        #[server(Opening => Ready)]
        Opened { file: file::Client<file::Open> },
    }
}

#[derive(Contract)]
#[contract(start = Open)]
pub enum File {
    #[client(Open => End)]
    Close { flush: bool },
}

#[derive(Contract)]
#[contract(start = Ready, extends = old::Store)]
pub enum LargeStore {
    #[client(Ready => Opening)]
    Open,
    #[server(Opening => Ready)]
    Opened { file: file::Client<file::Open> },
}

fn main() {}
