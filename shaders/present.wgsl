// A finished picture in a window: as large as fits, in the middle. Values pass
// as they are encoded.

struct Fit {
    // Half the picture's size over half the window's.
    scale: vec2f,
}

@group(0) @binding(0) var picture: texture_2d<f32>;
@group(0) @binding(1) var smooth_sampler: sampler;
@group(0) @binding(2) var<uniform> fit: Fit;

struct Corner {
    @builtin(position) position: vec4f,
    @location(0) uv: vec2f,
}

@vertex
fn corner(@builtin(vertex_index) index: u32) -> Corner {
    let at = vec2f(f32(index & 1u), f32(index >> 1u));
    return Corner(
        vec4f((at * 2.0 - 1.0) * fit.scale, 0.0, 1.0),
        vec2f(at.x, 1.0 - at.y),
    );
}

@fragment
fn show(in: Corner) -> @location(0) vec4f {
    let c = textureSample(picture, smooth_sampler, in.uv);
    // Straight alpha in; compositors take premultiplied.
    return vec4f(c.rgb * c.a, c.a);
}
