//! Runs one case so many times, for a tool that counts what that takes: `run-case NAME TIMES`. Without arguments, all names.

use std::process::ExitCode;

use dlms_fw_benches::cases;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(name) = arguments.next() else {
        for case in cases() {
            println!("{}", case.name);
        }
        return ExitCode::SUCCESS;
    };
    let times = arguments.next().and_then(|times| times.parse::<u32>().ok());
    let case = cases().into_iter().find(|case| case.name == name);
    let (Some(case), Some(times)) = (case, times) else {
        eprintln!("usage: run-case NAME TIMES");
        return ExitCode::FAILURE;
    };
    let mut operation = (case.prepare)();
    for _ in 0..times {
        operation();
    }
    ExitCode::SUCCESS
}
