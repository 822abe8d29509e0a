// A video avatar's mouth, over the base frame: a grid over the lower face. The
// base's own skin is bent; lips and what is between them come from one take or
// two. All colours are encoded, as in the footage.

@group(0) @binding(0) var base: texture_2d<f32>;
@group(0) @binding(1) var first: texture_2d<f32>;
@group(0) @binding(2) var second: texture_2d<f32>;
@group(0) @binding(3) var smooth_sampler: sampler;
// x: how much of the second take is seen.
@group(0) @binding(4) var<uniform> share: vec4<f32>;

struct Corner {
    // Clip space; texture coordinates of the base and of both takes.
    @location(0) at: vec2<f32>,
    @location(1) base: vec2<f32>,
    @location(2) first: vec2<f32>,
    @location(3) second: vec2<f32>,
    // Colours matched to the base; w of the first is the cover.
    @location(4) first_shift: vec4<f32>,
    @location(5) second_shift: vec4<f32>,
}

struct Seen {
    @builtin(position) position: vec4<f32>,
    @location(0) base: vec2<f32>,
    @location(1) first: vec2<f32>,
    @location(2) second: vec2<f32>,
    @location(3) first_shift: vec4<f32>,
    @location(4) second_shift: vec3<f32>,
}

@vertex
fn vertex(corner: Corner) -> Seen {
    var seen: Seen;
    seen.position = vec4(corner.at, 0.0, 1.0);
    seen.base = corner.base;
    seen.first = corner.first;
    seen.second = corner.second;
    seen.first_shift = corner.first_shift;
    seen.second_shift = corner.second_shift.xyz;
    return seen;
}

@fragment
fn fragment(seen: Seen) -> @location(0) vec4<f32> {
    let skin = textureSampleLevel(base, smooth_sampler, seen.base, 0.0).rgb;
    let cover = seen.first_shift.w;
    if cover <= 0.0 {
        return vec4(skin, 1.0);
    }
    var mouth = textureSampleLevel(first, smooth_sampler, seen.first, 0.0).rgb + seen.first_shift.xyz;
    if share.x > 0.0 {
        let other = textureSampleLevel(second, smooth_sampler, seen.second, 0.0).rgb + seen.second_shift;
        mouth = mix(mouth, other, share.x);
    }
    return vec4(mix(skin, mouth, cover), 1.0);
}
