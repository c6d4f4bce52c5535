//! What walls cost, in instructions; `cargo run -- bench walls` prints all of it.

use std::sync::OnceLock;

use boot::bench::walls::{PAIRS, PAYLOADS, Trips, Walls};

fn walls() -> &'static Walls {
    static WALLS: OnceLock<Walls> = OnceLock::new();
    WALLS.get_or_init(|| {
        let walls = Walls::measure(tests::images()).expect("it is measured");
        println!("{walls}");
        walls
    })
}

/// Instructions of a round trip with this payload, in each pair of placements.
fn each(what: &str) -> Vec<u64> {
    walls().0.iter().map(|(_, trips): &(_, Trips)| trips[what]).collect()
}

/// As measured, with nothing sent and with ten words, in the order of [`PAIRS`]; lower them when they get fewer.
const WITH_NOTHING: [u64; 4] = [269, 712, 965, 1430];
const WITH_TEN_WORDS: [u64; 4] = [303, 821, 1070, 1610];

#[test]
fn a_round_trip_takes_no_more_instructions_than_it_did_wherever_its_ends_are() {
    for (what, before) in [("words0", WITH_NOTHING), ("words10", WITH_TEN_WORDS)] {
        for ((pair, now), before) in PAIRS.iter().zip(each(what)).zip(before) {
            assert!(
                now * 100 <= before * 105,
                "{}: {now} instructions with {what}, it was {before}",
                pair.name
            );
        }
    }
}

/// Claim: another page of a block takes less than 32 instructions, which are those of its entries in page tables.
#[test]
fn pages_go_through_the_gate_at_the_cost_of_their_entries_and_between_sips_at_none() {
    for ((pair, one), many) in PAIRS.iter().zip(each("pages1")).zip(each("pages256")) {
        let walls = u64::from(pair.client_in_domain) + u64::from(pair.server_in_domain);
        assert!(
            many - one <= 255 * walls * 32,
            "{}: {one} instructions, and {many} for 256 pages",
            pair.name
        );
    }
}

#[test]
fn the_table_and_the_chart_show_each_figure() {
    let (table, chart) = (walls().to_string(), walls().chart().expect("it is drawn"));
    for (pair, trips) in &walls().0 {
        for (what, words) in PAYLOADS {
            let figure = trips[what].to_string();
            assert!(
                table.contains(&figure) && table.contains(words),
                "{}: {words} is {figure}\n{table}",
                pair.name
            );
        }
        for what in ["words0", "words10", "pages1", "pages256"] {
            assert!(chart.contains(&trips[what].to_string()), "{}: {what} is not in the chart", pair.name);
        }
        assert!(chart.contains(pair.name) && table.contains(pair.name));
    }
    for other in ["seL4", "Composite", "Linux"] {
        assert!(chart.contains(other) && table.contains(other), "{other} stands beside them");
    }
}
