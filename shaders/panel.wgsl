// The panel's triangles over the picture. Colours are encoded and premultiplied,
// and are multiplied as they are: only so does text look right.

struct Screen {
    // In points.
    size: vec2f,
    // 1 where the target encodes what it is given.
    encodes: f32,
    _pad: f32,
}

@group(0) @binding(0) var<uniform> screen: Screen;
@group(1) @binding(0) var letters: texture_2d<f32>;
@group(1) @binding(1) var letters_sampler: sampler;

struct Point {
    @builtin(position) position: vec4f,
    @location(0) uv: vec2f,
    @location(1) color: vec4f,
}

@vertex
fn place(
    @location(0) at: vec2f,
    @location(1) uv: vec2f,
    @location(2) color: vec4f,
) -> Point {
    let clip = vec2f(at.x / screen.size.x * 2.0 - 1.0, 1.0 - at.y / screen.size.y * 2.0);
    return Point(vec4f(clip, 0.0, 1.0), uv, color);
}

fn linear(encoded: vec3f) -> vec3f {
    let low = encoded / 12.92;
    let high = pow((encoded + 0.055) / 1.055, vec3f(2.4));
    return select(high, low, encoded <= vec3f(0.04045));
}

@fragment
fn paint(in: Point) -> @location(0) vec4f {
    let c = in.color * textureSample(letters, letters_sampler, in.uv);
    return vec4f(select(c.rgb, linear(c.rgb), screen.encodes > 0.5), c.a);
}
