using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Windows;

namespace OrleansFeatures.Domain.Tests.Aggregates;

/// <summary>One value over a column of numbers is computed without a byte of managed memory, once the scratch has grown to the window.</summary>
public sealed class AllocationTests
{
    [Theory]
    [InlineData(FieldType.Int64)]
    [InlineData(FieldType.Double)]
    [InlineData(FieldType.Bool)]
    [InlineData(FieldType.Timestamp)]
    public void A_scalar_over_numbers_allocates_nothing(FieldType type)
    {
        const int rows = 5_000;
        var random = new Random(1);
        long[] times = [.. Enumerable.Range(0, rows).Select(row => row * Column.Second)];
        long[] bits = [.. times.Select(_ => type switch
        {
            FieldType.Double => BitConverter.DoubleToInt64Bits(random.NextDouble()),
            FieldType.Bool => random.Next(2),
            _ => random.Next(1, 10_000),
        })];
        AggregateCall[] calls = [.. AggregateCall.Names
            .Select(name => AggregateCall.Parse($"{name}(x)", out _, out _) ?? AggregateCall.Parse($"{name}(x, 0.5)", out _, out _) ?? AggregateCall.Parse($"{name}(x, 1h)", out _, out _))
            .OfType<AggregateCall>().Where(call => call.Shape == FeatureShape.Scalar && call.ResultType(type) is not null)];
        calls.Length.ShouldBeGreaterThan(8);
        var scratch = new WindowScratch();
        var texts = new TextDictionary();
        var values = new FeatureValue[calls.Length];
        var span = new WindowSpan(times[^1], WindowSpan.NoStart, times[^1]);
        Compute();

        long before = GC.GetAllocatedBytesForCurrentThread();
        Compute();
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        allocated.ShouldBe(0);
        values.ShouldAllBe(value => value.Status == FeatureStatus.Present);

        void Compute()
        {
            var column = new ColumnValues(type, bits, times, span, texts, scratch);
            for (int index = 0; index < calls.Length; index++)
            {
                values[index] = column.Compute(calls[index]);
            }
        }
    }
}
