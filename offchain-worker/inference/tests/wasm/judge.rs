//! The specification under wasmtime.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};
use wasmparser::{Validator, WasmFeatures};
use wasmtime::{Engine, Instance, Module, Store, Val};

/// The runtime's target.
const TARGET: &str = "wasm32v1-none";
const PAGE: usize = 1 << 16;
/// What a step returns where a NaN or an infinity has come up.
const NON_FINITE: i32 = 1;

/// The compiled specification.
pub struct Judge {
    engine: Engine,
    module: Module,
}

/// What a step takes. Bytes and floats come to it as a pointer and a count.
pub enum Argument<'a> {
    Number(u32),
    Bytes(&'a [u8]),
    Floats(&'a [f32]),
}

/// Compiles the specification, once.
pub fn judge() -> &'static Judge {
    static JUDGE: OnceLock<Judge> = OnceLock::new();
    JUDGE.get_or_init(|| {
        let engine = Engine::default();
        let module = Module::new(&engine, code()).unwrap();
        Judge { engine, module }
    })
}

/// The specification in WebAssembly.
fn code() -> Vec<u8> {
    let file = compile()
        .join(TARGET)
        .join("release/kagari_kernels_wasm.wasm");
    std::fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

/// Whether there is no instruction in it that takes or gives a float.
pub fn is_free_of_floats() -> bool {
    let features = WasmFeatures::WASM1.difference(WasmFeatures::FLOATS);
    let mut validator = Validator::new_with_features(features);
    let checked = validator.validate_all(&code());
    checked.inspect_err(|e| println!("{e}")).is_ok()
}

/// Builds it, and gives the folder that it is built to.
fn compile() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("kernels/wasm");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kernels-wasm");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--release", "--locked"])
        .args(["--target", TARGET, "--target-dir"])
        .arg(&target)
        .current_dir(folder)
        // Flags for the tests' own target are none for this one.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status();
    assert!(built.unwrap().success(), "run scripts/setup.sh");
    target
}

impl Judge {
    /// Runs a step, which gives so many words; `None` where a NaN or an infinity has come up.
    pub fn run(&self, step: &str, arguments: &[Argument], words: usize) -> Option<Vec<u32>> {
        let mut store = Store::new(&self.engine, ());
        let instance = Instance::new(&mut store, &self.module, &[]).unwrap();
        let memory = instance.get_memory(&mut store, "memory").unwrap();
        let base = memory.data_size(&store);
        let mut lists = Vec::new();
        let mut values: Vec<Val> = Vec::new();
        for argument in arguments {
            let at = number(base + lists.len());
            match argument {
                Argument::Number(n) => values.push(Val::I32(*n as i32)),
                Argument::Bytes(bytes) => {
                    lists.extend(*bytes);
                    values.extend([at, number(bytes.len())]);
                }
                Argument::Floats(floats) => {
                    lists.extend(floats.iter().flat_map(|f| f.to_bits().to_le_bytes()));
                    values.extend([at, number(floats.len())]);
                }
            }
            lists.resize(lists.len().next_multiple_of(4), 0);
        }
        let out = base + lists.len();
        values.push(number(out));
        lists.resize(lists.len() + 4 * words, 0);
        let pages = lists.len().div_ceil(PAGE) as u64;
        memory.grow(&mut store, pages).unwrap();
        memory.write(&mut store, base, &lists).unwrap();

        let function = instance.get_func(&mut store, step).unwrap();
        let mut result = [Val::I32(-1)];
        function.call(&mut store, &values, &mut result).unwrap();
        match result[0].unwrap_i32() {
            0 => {}
            NON_FINITE => return None,
            other => panic!("{step} returns {other}"),
        }
        let written = memory.data(&store)[out..].chunks_exact(4).take(words);
        let word = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap());
        Some(written.map(word).collect())
    }
}

fn number(n: usize) -> Val {
    Val::I32(n as u32 as i32)
}
