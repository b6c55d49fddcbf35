using OrleansFeatures.Conformance;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Entities.Remote;

namespace OrleansFeatures.Entities.Tests.Remote;

public sealed class RemoteReadTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Answers_read_back_as_they_were_written_to_the_bit(int seed)
    {
        var random = new Random(seed);
        EntityAnswer[] answers = [.. Enumerable.Range(0, 200).Select(_ => RandomAnswer(random))];
        EntityAnswer[] back = EntityAnswers.Read(EntityAnswers.Write(answers));
        back.Select(Show).ShouldBe(answers.Select(Show), $"seed {seed}");
    }

    [Fact]
    public void Questions_name_their_features_and_come_back_over_the_other_sides_plans()
    {
        Catalog asking = Transactions.Catalog();
        Catalog answering = Transactions.Catalog();
        Selection selection = asking.Select(["terminal_use:sum", "customer_spend:*", "terminal_use:count"], out _)!;
        var read = new FeatureRead(selection, rows: 2);
        for (int index = 0; index < read.Keys.Length; index++)
        {
            read.Keys[index] = HostCalls.KeyOf($"key {index}");
        }

        (read.AsOf[0], read.AsOf[1], read.KnownAt[1]) = (Transactions.At(5), new EventTime(long.MinValue), Transactions.At(7));
        EntityQuestion[] questions = [EntityQuestions.Of(read, 0, 0), EntityQuestions.Of(read, 0, 1), EntityQuestions.Of(read, 1, 1)];
        byte[] bytes = EntityQuestions.Write(17, selection, questions, TimeSpan.FromMilliseconds(40));

        EntityQuestions.GenerationOf(bytes).ShouldBe(17);
        EntityQuestions back = EntityQuestions.Read(bytes, new RemoteSelections(answering));
        back.Selection.Features.Select(feature => feature.Reference).ShouldBe(selection.Features.Select(feature => feature.Reference));
        back.Selection.Entities.Select(entity => entity.Entity).ShouldBe(selection.Entities.Select(entity => answering.Entity(entity.Entity.Name)!));
        back.Questions.Select(Show).ShouldBe(questions.Select(Show));
        back.Within.ShouldBe(TimeSpan.FromMilliseconds(40));
        EntityQuestions.Read(bytes.AsMemory(0, bytes.Length - sizeof(long)), new RemoteSelections(answering)).Within.ShouldBeNull("an earlier version does not say");
    }

    [Fact]
    public void A_selection_is_resolved_once_however_often_it_is_asked_for()
    {
        Catalog catalog = Transactions.Catalog();
        var selections = new RemoteSelections(catalog);
        byte[] bytes = EntityQuestions.Write(1, catalog.AllOf("customer")!, [], TimeSpan.Zero);
        EntityQuestions.Read(bytes, selections).Selection.ShouldBeSameAs(EntityQuestions.Read(bytes.ToArray(), selections).Selection);
    }

    [Fact]
    public void A_feature_that_the_definitions_do_not_have_is_refused()
    {
        Catalog both = Transactions.Catalog();
        byte[] bytes = EntityQuestions.Write(1, both.AllOf("terminal")!, [], TimeSpan.Zero);
        Should.Throw<StateFormatException>(() => EntityQuestions.Read(bytes, new RemoteSelections(Transactions.Catalog(terminals: false)))).Message.ShouldContain("terminal_use:count");
    }

    [Fact]
    public void Bytes_that_are_cut_or_wrong_anywhere_are_refused_or_read_as_something_but_never_run_astray()
    {
        var random = new Random(4);
        byte[] bytes = EntityAnswers.Write([.. Enumerable.Range(0, 20).Select(_ => RandomAnswer(random))]);
        for (int length = 0; length < bytes.Length; length++)
        {
            Should.Throw<StateFormatException>(() => EntityAnswers.Read(bytes.AsSpan(0, length)), $"cut at {length}");
        }

        int refused = 0;
        for (int at = 0; at < bytes.Length; at++)
        {
            byte[] wrong = [.. bytes];
            wrong[at] ^= (byte)(1 << random.Next(8));
            try
            {
                EntityAnswers.Read(wrong);
            }
            catch (StateFormatException)
            {
                refused++;
            }
        }

        refused.ShouldBeGreaterThan(bytes.Length / 10);
    }

    [Fact]
    public void What_a_later_version_writes_behind_is_passed_over_and_another_format_is_refused()
    {
        byte[] bytes = EntityAnswers.Write([EntityAnswer.Not(AnswerKind.NotHere, "moved")]);
        EntityAnswers.Read([.. bytes, 1, 2, 3])[0].Reason.ShouldBe("moved");
        bytes[0] = 9;
        Should.Throw<StateFormatException>(() => EntityAnswers.Read(bytes)).Message.ShouldContain("format 9");
        byte[] questions = EntityQuestions.Write(3, Transactions.Catalog().AllOf("customer")!, [], TimeSpan.Zero);
        questions[0] = 9;
        Should.Throw<StateFormatException>(() => EntityQuestions.GenerationOf(questions)).Message.ShouldContain("format 9");
    }

    private static string Show(EntityQuestion question) => $"{question.Entity} {Convert.ToHexString(question.Key.Span)} {question.AsOf.Micros} {question.KnownAt.Micros}";

    private static string Show(EntityAnswer answer) => $"{answer.Kind} {answer.Stamp} {answer.Reason} {string.Join(',', answer.Values.Select(value => value.Show()))}";

    private static EntityAnswer RandomAnswer(Random random) => random.Next(6) switch
    {
        0 => EntityAnswer.Not((AnswerKind)random.Next(1, 5), $"reason ß {random.Next()}"),
        _ => EntityAnswer.Of(new EntityStamp(random.NextInt64(), random.NextInt64()), [.. Enumerable.Range(0, random.Next(20)).Select(_ => RandomFeature(random))]),
    };

    private static FeatureValue RandomFeature(Random random)
    {
        var status = (FeatureStatus)random.Next(7);
        return random.Next(4) switch
        {
            0 => new FeatureValue(status, Value.Null, null),
            1 => new FeatureValue(status, Value.Null, [.. Enumerable.Range(0, random.Next(5)).Select(_ => RandomValue(random))]),
            _ => new FeatureValue(status, RandomValue(random), null),
        };
    }

    private static Value RandomValue(Random random) => random.Next(7) switch
    {
        0 => Value.Null,
        1 => Value.Of(random.NextInt64(long.MinValue, long.MaxValue)),
        2 => Value.Of(BitConverter.Int64BitsToDouble(random.NextInt64(long.MinValue, long.MaxValue))),
        3 => Value.Of(new string([.. Enumerable.Range(0, random.Next(30)).Select(_ => (char)random.Next(32, 0x2000))])),
        4 => Value.Of(random.Next(2) == 0),
        5 => Value.Of(double.NaN),
        _ => Value.Of(new EventTime(random.NextInt64())),
    };
}
