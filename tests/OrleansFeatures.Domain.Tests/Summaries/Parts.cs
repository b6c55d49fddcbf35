using FsCheck;
using FsCheck.Fluent;

namespace OrleansFeatures.Domain.Tests.Summaries;

/// <summary>Random numbers dealt out to one to six parts, some of them empty, with many numbers or few.</summary>
internal static class Parts
{
    public static Arbitrary<int[][]> Arbitrary(int partLengthMax) =>
        (from parts in Gen.Choose(1, 6)
         from range in Gen.Elements(5, 300, 1_000_000)
         from numbers in Gen.ArrayOf(Part(partLengthMax, range), parts)
         select numbers).ToArbitrary();

    private static Gen<int[]> Part(int lengthMax, int range) =>
        from length in Gen.Choose(0, lengthMax)
        from numbers in Gen.ArrayOf(Gen.Choose(-range, range), length)
        select numbers;
}
