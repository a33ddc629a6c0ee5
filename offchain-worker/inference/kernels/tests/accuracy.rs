//! How close the specification's functions are to what they stand for.
#![allow(missing_docs)]

use kagari_kernels::{
    float::{Float, Hard},
    reference::{exponential, gelu},
    rotation::{angle, turns},
    soft::Soft,
};

#[test]
fn the_exponential_is_right_to_two_units_in_the_last_place() {
    let mut worst = 0.0f64;
    for i in -87_000..88_000 {
        let x = i as f32 / 1_000.0;
        let (found, exact) = (exponential(Hard(x)), f64::from(x).exp());
        assert_eq!(exponential(Soft::of(x)).to_bits(), found.to_bits(), "{x}");
        let unit =
            f64::from(f32::from_bits((exact as f32).to_bits() + 1)) - f64::from(exact as f32);
        worst = worst.max((f64::from(found.0) - exact).abs() / unit);
    }
    assert!(worst < 2.0, "{worst}");
}

#[test]
fn the_exponential_stays_finite() {
    let of = |x: f32| exponential(Hard(x)).0;
    assert_eq!((of(0.0), of(-0.0)), (1.0, 1.0));
    assert_eq!((of(-88.0), of(f32::NEG_INFINITY)), (0.0, 0.0));
    assert_eq!(of(f32::INFINITY), of(88.0));
    assert!(of(88.0).is_finite() && of(-87.0).is_normal());
    assert!(of(f32::NAN).is_nan());
}

/// `Φ(x)` by a series without cancellation: Abramowitz and Stegun, "Handbook of Mathematical
/// Functions", 26.2.11.
fn normal_distribution(x: f64) -> f64 {
    let (mut term, mut sum, mut n) = (x, x, 3.0);
    while term.abs() > 1e-18 {
        term *= x * x / n;
        sum += term;
        n += 2.0;
    }
    0.5 + sum * (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

#[test]
fn gelu_is_right_to_a_few_units_in_the_last_place_of_its_argument() {
    let mut worst = 0.0f64;
    for i in -12_000..12_000 {
        let x = i as f32 / 1_000.0;
        let found = gelu(Hard(x));
        assert_eq!(gelu(Soft::of(x)).to_bits(), found.to_bits(), "{x}");
        let exact = f64::from(x) * normal_distribution(f64::from(x));
        worst = worst.max((f64::from(found.0) - exact).abs() / f64::from(x.abs()).max(1e-9));
    }
    println!("the greatest error is {worst:e} of the argument");
    assert!(worst < 2e-7, "{worst:e}");
}

#[test]
fn angles_are_right_to_the_last_bit_or_the_one_beside_it() {
    for (base, width) in [(10_000.0, 64), (100_000.0, 64), (500_000.0, 128), (1.0, 32)] {
        for (pair, turn) in turns(base, width).enumerate() {
            let frequency = f64::from(base).powf(-2.0 * pair as f64 / width as f64);
            for position in [0, 1, 2, 100, 511, 8_191] {
                let exact = frequency * f64::from(position);
                let (cos, sin) = angle(turn, position);
                for (found, exact) in [(cos, exact.cos()), (sin, exact.sin())] {
                    let error = (f64::from(f32::from_bits(found)) - exact).abs();
                    assert!(error < 6.1e-8, "{base} {pair} {position}: {error:e}");
                }
            }
        }
    }
}
