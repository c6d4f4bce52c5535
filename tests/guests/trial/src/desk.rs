//! Where processes report whose end is planned, and bystanders, who are to notice nothing of it.

use contracts::{AnyEndpoint, Contract};

/// ```text
/// Calling --?Here--> Posing --!Take--> Playing
///                    Posing --!Make--> Making --?Made--> Waiting --!Go--> Playing
/// Playing --?Halted--> Halted --!Resume--> Playing
/// Playing --?Done--> End
/// ```
#[derive(Contract)]
#[contract(start = Calling)]
pub enum Desk {
    /// A process is there.
    #[client(Calling => Posing)]
    Here,
    /// It is to use this endpoint.
    #[server(Posing => Playing)]
    Take {
        /// The end that speaks first.
        end: AnyEndpoint,
    },
    /// It is to make the channel.
    #[server(Posing => Making)]
    Make,
    /// Here is the channel's end that speaks first.
    #[client(Making => Waiting)]
    Made {
        /// The end.
        end: AnyEndpoint,
    },
    /// It is to begin.
    #[server(Waiting => Playing)]
    Go,
    /// It has come to where it was to stop, or it is at work.
    #[client(Playing => Halted)]
    Halted,
    /// It is to go on to its end. Whoever is to die there is not told.
    #[server(Halted => Playing)]
    Resume,
    /// It has done what it was to do.
    #[client(Playing => End)]
    Done {
        /// How many messages it received, and found to be right.
        received: u64,
    },
}
