using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Gateway.Registry;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Registry;

public sealed class DefinitionReaderTests
{
    [Fact]
    public void A_valid_file_becomes_definitions_in_the_order_of_the_file()
    {
        DefinitionReading reading = Samples.Read(Samples.Small);
        reading.Errors.ShouldBeEmpty();
        reading.Catalog.ShouldNotBeNull();
        StreamDefinition stream = reading.Definitions.Streams.ShouldHaveSingleItem();
        stream.Fields.Select(field => $"{field.Name} {field.Type.Name()}").ShouldBe(["tx_id int64", "tx_time timestamp", "customer_id string", "amount double", "fraud bool"]);
        (stream.EventId, stream.EventTime, stream.Version).ShouldBe(("tx_id", "tx_time", 1));
        reading.Definitions.Entities.ShouldHaveSingleItem().Key.ShouldBe(["customer_id"]);
        FeatureViewDefinition view = reading.Definitions.FeatureViews.ShouldHaveSingleItem();
        view.Where.ShouldBe("amount > 0");
        view.Features[0].ShouldBe(new FeatureDefinition("nb_1d", "count", Duration.Days(1), Duration.Zero, null, Value.Null));
        view.Features[1].ShouldBe(new FeatureDefinition("avg_7d", "mean(amount)", Duration.Days(7), Duration.Zero, null, Value.Of(0)));
        reading.Definitions.FeatureServices.ShouldHaveSingleItem().Features.ShouldBe(["spend:nb_1d", "spend:avg_7d"]);
    }

    [Fact]
    public void The_fraud_repository_has_its_twelve_features()
    {
        var sources = DefinitionFolder.Read(Samples.RepositoryPath("definitions/fraud"), out var folderErrors);
        folderErrors.ShouldBeEmpty();
        DefinitionReading reading = DefinitionReader.Read(sources);
        reading.Errors.ShouldBeEmpty();
        Selection service = reading.Catalog!.Service("fraud").ShouldNotBeNull();
        service.Features.Select(feature => feature.Reference).ShouldBe(
        [
            "customer_spend:nb_tx_1d", "customer_spend:avg_amount_1d", "customer_spend:nb_tx_7d", "customer_spend:avg_amount_7d", "customer_spend:nb_tx_30d", "customer_spend:avg_amount_30d",
            "terminal_risk:nb_tx_1d", "terminal_risk:risk_1d", "terminal_risk:nb_tx_7d", "terminal_risk:risk_7d", "terminal_risk:nb_tx_30d", "terminal_risk:risk_30d",
        ]);
        service.KeyFields.Select(field => field.Name).ShouldBe(["customer_id", "terminal_id"]);
    }

    [Fact]
    public void Several_files_are_read_as_one_in_the_order_of_their_names()
    {
        string[] parts = Samples.Small.Split("feature_views:");
        DefinitionSource[] sources = [new("b.yaml", "apiVersion: orleansfeatures/v1\nfeature_views:" + parts[1]), new("a.yaml", parts[0])];
        DefinitionReading reading = DefinitionReader.Read(sources);
        reading.Errors.ShouldBeEmpty();
        reading.Sources.Select(source => source.Name).ShouldBe(["a.yaml", "b.yaml"]);
        DefinitionReader.Read(sources.Reverse()).Catalog!.ServiceNames.ShouldBe(["fraud"]);
    }

    [Fact]
    public void A_problem_in_the_second_file_is_located_in_the_second_file()
    {
        string second = "apiVersion: orleansfeatures/v1\nfeature_views:\n  - name: other\n    entity: customer\n    stream: transactions\n    features:\n      - {name: x, aggregate: mean(amuont), window: 1d}\n";
        DefinitionReading reading = DefinitionReader.Read([new("a.yaml", Samples.Small), new("b.yaml", second)]);
        SourceError error = reading.Errors.ShouldHaveSingleItem();
        (error.File, error.Line, error.Column).ShouldBe(("b.yaml", 7, 30));
        error.Suggestion.ShouldBe("did you mean 'amount'?");
    }

    [Theory]
    [InlineData("default: 0.5", "double 0.5")]
    [InlineData("default: 1e-3", "double 0.001")]
    [InlineData("default: 7", "double 7")]
    [InlineData("default: -0x10", "string -0x10")]
    [InlineData("default: null", "null")]
    [InlineData("default: ~", "null")]
    public void A_default_has_the_type_of_its_YAML_scalar(string text, string expected)
    {
        DefinitionReading reading = Samples.Read(Samples.With("default: 0", text));
        Value value = reading.Definitions.FeatureViews[0].Features[1].Default;
        string shown = value.IsNull ? "null" : value.Type == FieldType.Int64 ? $"double {value}" : $"{value.Type.Name()} {value}";
        shown.ShouldBe(expected);
    }

    [Theory]
    [InlineData("no")]
    [InlineData("on")]
    [InlineData("y")]
    public void A_field_may_be_called_what_older_YAML_took_for_a_bool(string name)
    {
        DefinitionReading reading = Samples.Read(Samples.With("fraud: bool", $"{name}: bool"));
        reading.Errors.ShouldBeEmpty();
        reading.Definitions.Streams[0].Fields[^1].Name.ShouldBe(name);
    }

    [Fact]
    public void A_file_may_begin_with_a_byte_order_mark_and_end_its_lines_in_any_way() =>
        Samples.Read("\uFEFF" + Samples.Small.Replace("\n", "\r\n", StringComparison.Ordinal)).Errors.ShouldBeEmpty();

    [Fact]
    public void No_files_are_an_empty_valid_set() => DefinitionReader.Read([]).IsValid.ShouldBeTrue();

    [Fact]
    public void An_entity_with_an_empty_key_is_accepted() =>
        Samples.Read(Samples.With("key: [customer_id]", "key: []")).Errors.ShouldBeEmpty();

    [Fact]
    public void A_folder_is_read_recursively_and_its_bad_files_are_named()
    {
        using var folder = new TemporaryFolder();
        DefinitionFolder.Read(folder.Path, out var none).ShouldBeEmpty();
        none.ShouldHaveSingleItem().Message.ShouldContain("no definition file");
        Directory.CreateDirectory(Path.Combine(folder.Path, "sub"));
        File.WriteAllText(Path.Combine(folder.Path, "sub", "a.yml"), Samples.Small);
        File.WriteAllBytes(Path.Combine(folder.Path, "latin1.yaml"), [(byte)'a', (byte)':', (byte)'\n', (byte)' ', 0xE9]);
        File.WriteAllText(Path.Combine(folder.Path, "notes.txt"), "not yaml");
        var sources = DefinitionFolder.Read(folder.Path, out var errors);
        sources.ShouldHaveSingleItem().Name.ShouldBe("sub/a.yml");
        errors.ShouldHaveSingleItem().ToString().ShouldBe("latin1.yaml:2:2: the file is not UTF-8 text: save it as UTF-8");
        File.WriteAllBytes(Path.Combine(folder.Path, "latin1.yaml"), new byte[(Limits.DefinitionFileCharsMax * 4) + 1]);
        DefinitionFolder.Read(folder.Path, out var tooLong).ShouldHaveSingleItem();
        tooLong.ShouldHaveSingleItem().Message.ShouldContain("longer than");
        DefinitionFolder.Read(Path.Combine(folder.Path, "sub", "a.yml"), out _).ShouldHaveSingleItem().Name.ShouldBe("a.yml");
        Should.Throw<IOException>(() => DefinitionFolder.Read(Path.Combine(folder.Path, "absent"), out _));
    }

    /// <summary>The shape of a mounted Kubernetes ConfigMap: the files are links into a hidden folder, and a link to that folder lies beside them.</summary>
    [Fact]
    public void A_file_that_a_mount_shows_twice_is_read_once_and_a_circle_of_links_ends()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(Path.Combine(folder.Path, "..2026_01_01"));
        File.WriteAllText(Path.Combine(folder.Path, "..2026_01_01", "fraud.yaml"), Samples.Small);
        Directory.CreateSymbolicLink(Path.Combine(folder.Path, "..data"), "..2026_01_01");
        File.CreateSymbolicLink(Path.Combine(folder.Path, "fraud.yaml"), Path.Combine("..data", "fraud.yaml"));
        Directory.CreateSymbolicLink(Path.Combine(folder.Path, "circle"), folder.Path);
        DefinitionSource source = DefinitionFolder.Read(folder.Path, out var errors).ShouldHaveSingleItem();
        errors.ShouldBeEmpty();
        source.ShouldBe(new DefinitionSource("fraud.yaml", Samples.Small));
    }

    [Theory]
    [InlineData("- a", "found a list")]
    [InlineData("hello", "found 'hello'")]
    public void A_file_that_is_no_map_says_how_to_begin(string text, string message)
    {
        SourceError error = Samples.Read(text).Errors.ShouldHaveSingleItem();
        error.Message.ShouldBe($"the file must be a map, {message}");
        error.Suggestion.ShouldContain("apiVersion: orleansfeatures/v1");
    }
}
