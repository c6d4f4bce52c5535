//! Windows that are no numbers from 1 to 65535.

#[derive(contracts::Contract)]
#[contract(start = Open)]
pub enum Feed {
    /// Nothing in flight.
    #[client(Open => Open, window = 0)]
    None,
    /// Too much in flight.
    #[client(Open => Open, window = 65536)]
    Many,
    /// Not said how much.
    #[client(Open => Open, window = LARGE)]
    Named,
    /// The same.
    #[client(Open => Open, window)]
    Bare,
}

fn main() {}
