using System.Globalization;
using FsCheck;
using FsCheck.Fluent;

namespace OrleansFeatures.Domain.Tests.Properties;

/// <summary>
/// Checks properties. A build checks the same cases every time; with PROPERTY_CASES=n in the environment n times as many, others in each run. A failure names the seed
/// and the case, shrunk; PROPERTY_SEED=seed,gamma runs those again.
/// </summary>
internal static class Property
{
    public static void Holds<T>(int cases, Gen<T> gen, Func<T, IEnumerable<T>> shrink, Action<T> check)
    {
        Config config = Config.QuickThrowOnFailure.WithQuietOnSuccess(true).WithMaxTest(cases).WithReplay(1, 1);
        if (Environment.GetEnvironmentVariable("PROPERTY_CASES") is { Length: > 0 } times)
        {
            config = Config.QuickThrowOnFailure.WithQuietOnSuccess(true).WithMaxTest(cases * int.Parse(times, CultureInfo.InvariantCulture));
        }

        if (Environment.GetEnvironmentVariable("PROPERTY_SEED")?.Split(',') is [var seed, var gamma])
        {
            config = config.WithReplay(ulong.Parse(seed, CultureInfo.InvariantCulture), ulong.Parse(gamma, CultureInfo.InvariantCulture));
        }

        Check.One(config, Prop.ForAll(Arb.From(gen, shrink), check));
    }

    public static void Holds<T>(int cases, Gen<T> gen, Action<T> check) => Holds(cases, gen, _ => [], check);

    /// <summary>What a random generator makes of any seed.</summary>
    public static Gen<T> FromRandom<T>(Func<Random, T> make) => Gen.Select(Gen.Choose(0, int.MaxValue), seed => make(new Random(seed)));

    /// <summary>A list without one of its halves, quarters, ... single elements.</summary>
    public static IEnumerable<T[]> Shorter<T>(T[] list)
    {
        for (int part = (list.Length + 1) / 2; part > 0; part /= 2)
        {
            for (int from = 0; from < list.Length; from += part)
            {
                yield return [.. list[..from], .. list[Math.Min(list.Length, from + part)..]];
            }
        }
    }
}
