//! `gnet ab`: verdicts on stored processes, exit codes, and one real comparison of which nothing but its form is asked.

use serde_json::Value;

use super::shell::{CHECK, DONE, INPUT, Ran, Shell, UNDECIDED};

fn shell() -> Shell {
    let shell = Shell::new();
    for name in
        ["dynamic.onnx", "fixed.onnx", "comparison_same.json", "comparison_slower.json", "comparison_loaded.json"]
    {
        let path = format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
        shell.write(name, std::fs::read(path).unwrap());
    }
    shell
}

fn document(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|reason| panic!("{reason}: {ran}"))
}

#[test]
fn stored_processes_of_a_quiet_a_slower_and_a_loaded_machine_end_with_0_1_and_4() {
    let shell = shell();
    for (name, code, verdict, says) in [
        ("same", DONE, "not_slower", "NOT SLOWER than allowed: B is 0."),
        ("slower", CHECK, "slower", "SLOWER than allowed: B is "),
        ("loaded", UNDECIDED, "undecided", "UNDECIDED: "),
    ] {
        let line = format!("ab --replay comparison_{name}.json");
        let ran = shell.gnet(&line);
        assert_eq!(ran.code, Some(code), "{ran}");
        assert!(ran.out.contains(says) && ran.err.contains("pair 1: "), "{ran}");
        let ran = shell.gnet(&format!("{line} --format json --seed 7 --statistic min"));
        let document = document(&ran);
        assert_eq!(
            (ran.code, &document["verdict"], &document["seed"]),
            (Some(code), &verdict.into(), &7.into()),
            "{ran}"
        );
        assert_eq!(document["reason"].is_null(), code != UNDECIDED, "{ran}");
    }
    let ran = shell.gnet("ab --replay comparison_loaded.json");
    assert!(ran.error().contains("too noisy: other work disturbed"), "{ran}");
    assert!(ran.error().contains("help: run it again while nothing else does"), "{ran}");
    // A tenth slower is not slower than a fifth.
    let ran = shell.gnet("ab --replay comparison_slower.json --max-regression 20%");
    assert_eq!(ran.code, Some(DONE), "{ran}");
    // Nothing is allowed, and nothing is found: eight pairs and more of the same file cannot tell.
    let ran = shell.gnet("ab --replay comparison_same.json --max-regression 0");
    assert_eq!(ran.code, Some(UNDECIDED), "{ran}");
}

#[test]
fn a_real_comparison_is_whole_and_its_order_follows_its_seed() {
    let shell = shell();
    let line = "ab dynamic.onnx --samples 2 --min-time 0 --format json";
    let firsts = |seed: u64| -> Vec<String> {
        let ran = shell.gnet(&format!("{line} --seed {seed}"));
        let document = document(&ran);
        let samples = document["samples"].as_array().unwrap();
        let tried = document["tried"].as_u64().unwrap() as usize;
        assert_eq!(samples.len(), 2 * tried, "{ran}");
        for (i, sample) in samples.iter().enumerate() {
            assert_eq!((&sample["index"], &sample["pair"]), (&i.into(), &(i / 2).into()), "{ran}");
            assert!(
                sample["min_ms"].as_f64().unwrap() > 0.0 && sample["started"].as_str().unwrap().ends_with('Z'),
                "{ran}"
            );
        }
        assert_eq!(
            document["pairs"].as_u64().unwrap() + document["disturbed"].as_u64().unwrap(),
            tried as u64,
            "{ran}"
        );
        for arm in ["a", "b"] {
            assert_eq!(
                (&document[arm]["label"], &document[arm]["model"]),
                (&"tract, batch 1, 1 thread".into(), &"dynamic.onnx".into())
            );
        }
        samples.iter().step_by(2).map(|sample| sample["arm"].as_str().unwrap().to_owned()).collect()
    };
    let (one, again) = (firsts(1), firsts(1));
    let both = one.len().min(again.len());
    assert!(both >= 8 && one[..both] == again[..both], "{one:?} {again:?}");
    assert_ne!(firsts(2)[..8], one[..8]);
}

#[test]
fn a_log_keeps_every_process_and_decides_again_also_where_it_was_cut_short() {
    let shell = shell();
    let ran = shell.gnet(
        "ab dynamic.onnx --b batch=2 --samples 2 --min-time 0 --seed 3 --statistic p50 --log log.jsonl --format json",
    );
    let found = document(&ran);
    let log = gnet::bench::log::read(&shell.path("log.jsonl")).unwrap();
    let samples = found["samples"].as_array().unwrap();
    assert_eq!((log.pairs.len(), log.lines.len()), (samples.len(), 0), "{ran}");
    for (order, (line, sample)) in log.pairs.iter().zip(samples).enumerate() {
        assert_eq!((line.seed, line.order, line.spec.batch), (Some(3), order, line.index + 1));
        assert_eq!(sample["arm"], ["A", "B"][line.index]);
        assert_eq!(Some(line.run.started.as_str()), sample["started"].as_str());
        assert_eq!(line.run.turns.iter().sum::<usize>(), line.run.samples_ns.len());
        assert_eq!(sample["turns"]["min_ms"].as_array().unwrap().len(), line.run.turns.len());
    }
    for pair in log.pairs.chunks_exact(2) {
        assert_eq!(pair[0].run.turns.len(), pair[1].run.turns.len(), "as many turns of each");
    }
    let again = shell.gnet("ab --replay log.jsonl --statistic p50 --format json");
    assert_eq!(again.code, ran.code, "{again}");
    for key in ["verdict", "pairs", "tried", "samples", "a", "b"] {
        assert_eq!(document(&again)[key], found[key], "{key}");
    }
    // Killed in its fourth pair: seven lines, and half of one.
    let text = String::from_utf8(shell.read("log.jsonl")).unwrap();
    let kept: Vec<&str> = text.lines().take(8).collect();
    shell.write("short.jsonl", format!("{}\n{}", kept[..7].join("\n"), &kept[7][..100]));
    let ran = shell.gnet("ab --replay short.jsonl");
    assert_eq!(ran.code, Some(UNDECIDED), "{ran}");
    assert!(ran.error().contains("the stored samples end after"), "{ran}");
    // A process of a comparison is not a row of a benchmark.
    let ran = shell.gnet("bench dynamic.onnx --samples 2 --min-time 0 --baseline log.jsonl");
    assert_eq!(ran.code, Some(UNDECIDED), "{ran}");
    assert!(ran.error().contains("the baseline has no such row"), "{ran}");
    assert!(ran.error().contains("measure a baseline with these rows"), "{ran}");
    let ran = shell.gnet("ab dynamic.onnx --log comparison_same.json");
    assert_eq!(ran.code, Some(INPUT), "{ran}");
    assert!(ran.error().contains("only a log of gnet is continued"), "{ran}");
}

#[test]
fn processes_can_run_one_after_the_other() {
    let shell = shell();
    let ran = shell.gnet("ab dynamic.onnx --samples 2 --min-time 0 --apart --log log.jsonl --format json");
    let log = gnet::bench::log::read(&shell.path("log.jsonl")).unwrap();
    assert!(log.pairs.len() >= 16 && log.pairs.iter().all(|line| line.run.turns == [2]), "{ran}");
    let samples = document(&ran)["samples"].clone();
    assert!(samples.as_array().unwrap().iter().all(|sample| sample["turns"]["p50_ms"][0] == sample["p50_ms"]), "{ran}");
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let shell = shell();
    shell.write("broken.json", "{\"a\": 1}").write("net.onnx", "no model");
    for (line, says) in [
        ("ab", &["<FILE.onnx>"][..]),
        ("ab dynamic.onnx fixed.onnx", &["fixed.onnx: arm B: its input is x f32 2 x", "help: their times", "--anyway"]),
        ("ab dynamic.onnx --b thread=2", &["--b thread=2: is no setting of an arm; they are provider, batch, threads"]),
        (
            "ab dynamic.onnx --a threads=x",
            &["--a threads=x: invalid value 'x' for '--threads <N>': is not a whole number"],
        ),
        ("ab dynamic.onnx --max-regression much", &["--max-regression", "is not a number"]),
        ("ab dynamic.onnx --max-regression=-1%", &["maximum regression -0.01: is not a fraction between 0 and 10"]),
        ("ab dynamic.onnx --b batch=0", &["batch 0: a run needs at least one"]),
        ("ab dynamic.onnx net.onnx", &["net.onnx: "]),
        ("ab dynamic.onnx no.onnx", &["no.onnx: there is no such file"]),
        ("ab --replay broken.json", &["broken.json: is no record of a comparison"]),
        ("ab --replay broken.json dynamic.onnx", &["cannot be used with"]),
    ] {
        shell.refuses(line, INPUT, says);
    }
}

const QUICK: &str = "--samples 2 --min-time 0 --warmup 1";

/// The verdict is the machine's affair; how it was reached is not.
fn against(shell: &Shell, flags: &str) -> Value {
    let ran = shell.gnet(&format!("bench new.onnx {QUICK} --baseline log.jsonl {flags} --format json"));
    let found = document(&ran);
    let verdict = found["baseline"]["verdict"].as_str().unwrap();
    let code =
        [("not_slower", DONE), ("slower", CHECK), ("undecided", UNDECIDED)].iter().find(|(name, _)| *name == verdict);
    assert_eq!(ran.code, code.map(|(_, code)| *code), "{ran}");
    found["baseline"].clone()
}

#[test]
fn a_baseline_is_measured_again_where_its_model_is_and_is_weaker_where_it_is_not() {
    let shell = shell();
    let model = shell.read("dynamic.onnx");
    shell.write("old.onnx", &model).write("new.onnx", &model);
    shell.ok(&format!("bench old.onnx {QUICK} --batch 1,2 --save log.jsonl"));
    let found = against(&shell, "--batch 1,3");
    assert_eq!(found["rows"][0]["how"], "paired");
    assert!(found["rows"][0]["pairs"].as_u64().is_some() && found["rows"][0]["p_slower"].is_number());
    assert_eq!((&found["rows"][1]["how"], &found["rows"][1]["verdict"]), (&"missing".into(), &"undecided".into()));
    assert_eq!(found["rows"][1]["reason"], "the baseline has no such row");
    // The model moved: only its times are left, unless its place is named.
    std::fs::rename(shell.path("old.onnx"), shell.path("moved.onnx")).unwrap();
    let found = against(&shell, "");
    assert_eq!((&found["rows"][0]["how"], &found["rows"][0]["pairs"]), (&"stored".into(), &1.into()));
    assert!(found["rows"][0]["p_slower"].is_null());
    assert_eq!(against(&shell, "--baseline-model moved.onnx")["rows"][0]["how"], "paired");
    // Another model in its place is not the old one.
    shell.write("old.onnx", shell.read("fixed.onnx"));
    assert_eq!(against(&shell, "")["rows"][0]["how"], "stored");
}

#[test]
fn a_baseline_of_something_else_is_refused_before_anything_is_measured() {
    let shell = shell();
    shell.write("new.onnx", shell.read("dynamic.onnx")).write("junk.jsonl", "[1]\n");
    shell.ok(&format!("bench dynamic.onnx {QUICK} --save log.jsonl"));
    for (line, says) in [
        ("--baseline no.jsonl", &["no.jsonl: there is no such file"][..]),
        ("--baseline junk.jsonl", &["junk.jsonl: line 1 is no line of a log of gnet"]),
        ("--baseline log.jsonl --baseline-model fixed.onnx", &["fixed.onnx: is not the model that was measured on 2"]),
        (
            "--baseline log.jsonl --spinning off",
            &["tract, batch 1, 1 thread: had the option spinning at true", "--anyway"],
        ),
        ("--baseline log.jsonl --max-regression=-5%", &["maximum regression -0.05: is not a fraction"]),
        ("--baseline-model fixed.onnx", &["--baseline <LOG.jsonl>"]),
        ("--baseline log.jsonl --save log.jsonl", &["log.jsonl"]),
    ] {
        shell.refuses(&format!("bench new.onnx {QUICK} {line}"), INPUT, says);
    }
    assert_eq!(against(&shell, "--spinning off --anyway")["rows"][0]["how"], "paired");
    // The same row of a file with another interface.
    shell.write("new.onnx", shell.read("fixed.onnx"));
    let line = format!("bench new.onnx {QUICK} --batch 2 --baseline log.jsonl");
    shell.ok(&format!("bench dynamic.onnx {QUICK} --batch 2 --save log.jsonl"));
    shell.refuses(&line, INPUT, &["tract, batch 2, 1 thread: ", "its input is x f32 2 x", "--anyway"]);
}
