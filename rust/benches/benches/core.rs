//! The same cases in time: `cargo bench -p dlms-fw-benches`.

use criterion::{Criterion, criterion_group, criterion_main};
use dlms_fw_benches::cases;

fn all(criterion: &mut Criterion) {
    for case in cases() {
        let mut operation = (case.prepare)();
        criterion.bench_function(case.name, |bencher| bencher.iter(&mut operation));
    }
}

criterion_group!(core, all);
criterion_main!(core);
