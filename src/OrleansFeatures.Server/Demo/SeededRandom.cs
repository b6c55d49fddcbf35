using OrleansFeatures.Domain;

namespace OrleansFeatures.Server.Demo;

/// <summary>
/// Random numbers that are the same for a seed on every machine and in every release: a counter hashed by the domain's finalizer
/// (SplitMix64). Not thread-safe.
/// </summary>
internal sealed class SeededRandom(ulong seed)
{
    private const ulong GoldenGamma = 0x9e3779b97f4a7c15;

    private ulong _state = StableHash.Mix(seed + GoldenGamma);

    public ulong Next()
    {
        _state += GoldenGamma;
        return StableHash.Mix(_state);
    }

    /// <summary>In [0, 1), with 53 random bits.</summary>
    public double Unit() => (Next() >> 11) * (1.0 / (1UL << 53));

    public double Uniform(double low, double high) => low + ((high - low) * Unit());

    /// <summary>In [0, bound).</summary>
    public int Below(int bound) => (int)(((UInt128)Next() * (ulong)bound) >> 64);

    /// <summary>Box and Muller's transform; one of the pair is thrown away to keep no state.</summary>
    public double Normal(double mean, double deviation)
    {
        double radius = Math.Sqrt(-2 * Math.Log(1 - Unit()));
        return mean + (deviation * radius * Math.Cos(2 * Math.PI * Unit()));
    }

    public double Exponential(double mean) => -mean * Math.Log(1 - Unit());

    /// <summary>Knuth's product of uniforms: fine for the small means used here (its cost grows with the mean).</summary>
    public int Poisson(double mean)
    {
        double floor = Math.Exp(-mean);
        int count = 0;
        for (double product = Unit(); product > floor; product *= Unit())
        {
            count++;
        }

        return count;
    }
}
