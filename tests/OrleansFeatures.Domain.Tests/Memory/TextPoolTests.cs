using System.Text;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Memory;
using OrleansFeatures.Domain.Tests.Properties;
using OrleansFeatures.Domain.Tests.Windows;

namespace OrleansFeatures.Domain.Tests.Memory;

public sealed class TextPoolTests
{
    [Fact]
    public void A_text_is_held_as_often_as_it_was_added_and_forgotten_with_its_last_row() => Property.Holds(100, Property.FromRandom(random => random.Next()), seed =>
    {
        var random = new Random(seed);
        var memory = new StateMemory();
        var held = new Dictionary<string, (uint Code, int Rows)>();
        int distinct = random.Next(1, 400);
        for (int operation = 0; operation < 2_000; operation++)
        {
            string text = $"{new string('x', random.Next(distinct) % 40)}{random.Next(distinct)}\U0001F600";
            if (random.Next(3) > 0)
            {
                uint code = memory.Texts.Add(Encoding.UTF8.GetBytes(text));
                held[text] = held.TryGetValue(text, out var known) ? (known.Code, known.Rows + 1) : (code, 1);
                code.ShouldBe(held[text].Code);
            }
            else if (held.TryGetValue(text, out var known))
            {
                memory.Texts.Release(known.Code);
                held[text] = (known.Code, known.Rows - 1);
                if (known.Rows == 1)
                {
                    held.Remove(text);
                }
            }
        }

        held.ShouldAllBe(pair => memory.Texts.Text(pair.Value.Code) == pair.Key);
        foreach ((uint code, int rows) in held.Values)
        {
            for (int row = 0; row < rows; row++)
            {
                memory.Texts.Release(code);
            }
        }

        memory.Texts.BlockBytes.ShouldBe(0);
        memory.Slabs.UsedBytes.ShouldBe(0);
    });

    /// <summary>Inserts, duplicates, late and too late events, corrections, retractions: after each the pool holds the texts of the rows that are here, and no other.</summary>
    [Fact]
    public void The_pool_holds_the_texts_of_the_retained_rows_and_no_others() =>
        Property.Holds(150, ScenarioMaker.Any(countMax: 200), scenario => scenario.Shrink(), scenario =>
        {
            var run = new ScenarioRun(scenario);
            var taken = Scenario.Keys.ToDictionary(key => key, _ => new List<NaiveEvent>());
            var columns = run.Catalog.Entity(Scenario.Entity)!.Timelines[0].Columns;
            bool keepsTags = columns.Any(column => column.Type == FieldType.String);
            foreach (Step step in scenario.Steps)
            {
                int before = run.Oracle.Versions.Count;
                var result = run.Apply(step);
                if (run.Oracle.Versions.Count > before && result == Domain.Windows.ApplyResult.Applied)
                {
                    NaiveEvent added = run.Oracle.Versions[^1];
                    taken[added.Key].Add(added);
                }

                run.Feed.Memory.Texts.BlockBytes.ShouldBe(Scenario.Keys.SelectMany(Retained).SelectMany(Texts).Distinct().Sum(text => SlabMemory.Rounded(16 + Encoding.UTF8.GetByteCount(text))));
            }

            IEnumerable<NaiveEvent> Retained(string key) =>
                taken[key].OrderBy(row => row.Time).ThenBy(row => row.Id).TakeLast((int)(run.Feed.StateOf(Scenario.Entity, Value.Of(key))?.EventCount ?? 0));

            IEnumerable<string> Texts(NaiveEvent row)
            {
                if (row.Id.Text is { } id)
                {
                    yield return id;
                }

                if (keepsTags && !row.Fields["tag"].IsNull)
                {
                    yield return row.Fields["tag"].Text;
                }
            }
        });
}
