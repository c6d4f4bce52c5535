//! A stream's message that leads to another state.

#[derive(contracts::Contract)]
#[contract(start = Open)]
pub enum Feed {
    /// More.
    #[client(Open => Open, window = 8)]
    More,
    /// The last one.
    #[client(Open => Closing, window = 8)]
    Last,
    /// Thanks.
    #[server(Closing => End)]
    Thanks,
}

fn main() {}
