//! Layers that the predictor and the decoder share, loaded by module path.

use super::KokoroError;
use super::kernels::{Activation, Conv, Signal, adain, upsample_depthwise};
use super::weights::Weights;

/// Width of each half of a voice's style row.
pub(super) const STYLE: usize = 128;

/// A quantised convolution `…/Conv_quant`; `bias` may be absent from the model.
pub(super) fn conv(
    weights: &Weights,
    node: &str,
    bias: Option<&str>,
    dilation: usize,
) -> Result<Conv, KokoroError> {
    let weight = weights.product(&format!("{node}/Conv_quant"))?;
    let bias = match bias {
        Some(name) => weights.param(name)?.values,
        None => Vec::new(),
    };
    Ok(Conv::new(&weight.values, weight.shape3()?, bias, dilation))
}

/// The style's say in a normalisation: style → gain and shift of each channel.
pub(super) struct StyleNorm {
    /// `[STYLE, 2 · channels]`
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl StyleNorm {
    /// `node` is the path above `/fc`, with `/`; the parameter has dots.
    pub fn load(weights: &Weights, node: &str, param: &str) -> Result<Self, KokoroError> {
        Ok(Self {
            weight: weights
                .product(&format!("{node}/fc/Gemm_MatMul_quant"))?
                .values,
            bias: weights.param(&format!("{param}.fc.bias"))?.values,
        })
    }

    /// Gains and shifts, one a channel each.
    pub fn gain_shift(&self, style: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let mut out = self.bias.clone();
        let width = out.len();
        for (s, row) in style.iter().zip(self.weight.chunks_exact(width)) {
            for (o, w) in out.iter_mut().zip(row) {
                *o += s * w;
            }
        }
        let shift = out.split_off(width / 2);
        (out, shift)
    }

    pub fn run(&self, x: &Signal, style: &[f32], activation: Activation<'_>) -> Signal {
        let (gain, shift) = self.gain_shift(style);
        adain(x, &gain, &shift, activation)
    }
}

/// StyleTTS2's `AdainResBlk1d`: two styled convolutions and a shortcut, over √2.
pub(super) struct StyledBlock {
    norm1: StyleNorm,
    norm2: StyleNorm,
    conv1: Conv,
    conv2: Conv,
    /// Where the number of channels changes.
    shortcut: Option<Conv>,
    /// Depthwise taps and bias where the length doubles.
    pool: Option<(Vec<f32>, Vec<f32>)>,
}

impl StyledBlock {
    pub fn load(
        weights: &Weights,
        node: &str,
        param: &str,
        has_shortcut: bool,
        doubles: bool,
    ) -> Result<Self, KokoroError> {
        let part = |name: &str| {
            conv(
                weights,
                &format!("{node}/{name}"),
                Some(&format!("{param}.{name}.bias")),
                1,
            )
        };
        let norm = |name: &str| {
            StyleNorm::load(
                weights,
                &format!("{node}/{name}"),
                &format!("{param}.{name}"),
            )
        };
        Ok(Self {
            norm1: norm("norm1")?,
            norm2: norm("norm2")?,
            conv1: part("conv1")?,
            conv2: part("conv2")?,
            shortcut: match has_shortcut {
                true => Some(conv(weights, &format!("{node}/conv1x1"), None, 1)?),
                false => None,
            },
            pool: match doubles {
                true => Some((
                    weights
                        .node_input(&format!("{node}/pool/ConvTranspose"), 1)?
                        .values,
                    weights
                        .node_input(&format!("{node}/pool/ConvTranspose"), 2)?
                        .values,
                )),
                false => None,
            },
        })
    }

    pub fn run(&self, x: &Signal, style: &[f32]) -> Signal {
        const LEAKY: Activation<'_> = Activation::Leaky(0.2);
        let mut y = self.norm1.run(x, style, LEAKY);
        if let Some((taps, bias)) = &self.pool {
            y = upsample_depthwise(&y, taps, bias);
        }
        y = self.conv1.run(&y);
        y = self.norm2.run(&y, style, LEAKY);
        y = self.conv2.run(&y);
        let doubled;
        let base = match &self.pool {
            Some(_) => {
                doubled = x.repeat_columns(2);
                &doubled
            }
            None => x,
        };
        match &self.shortcut {
            Some(conv) => y.add_scaled(&conv.run(base), std::f32::consts::FRAC_1_SQRT_2),
            None => y.add_scaled(base, std::f32::consts::FRAC_1_SQRT_2),
        }
    }
}
