using System.Runtime.CompilerServices;
using Google.Protobuf.Reflection;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;
using FieldType = Google.Protobuf.Reflection.FieldType;

namespace OrleansFeatures.Gateway.Tests.Contract;

/// <summary>
/// The wire contract, one line for each method, field and enum value, is kept in <c>wire-contract.txt</c>. A line that disappears breaks clients that are
/// out there; a new line is how the contract grows. After a deliberate change run the test once with ORLEANSFEATURES_WRITE_CONTRACT=1.
/// </summary>
public sealed class WireContractTests
{
    private static readonly FileDescriptor[] Files =
    [
        TypesReflection.Descriptor, IngestReflection.Descriptor, VectorsReflection.Descriptor, FeaturesReflection.Descriptor, SubscribeReflection.Descriptor, ExplainReflection.Descriptor,
        RegistryReflection.Descriptor, AdminReflection.Descriptor,
        global::Feast.Types.ValueReflection.Descriptor, global::Feast.Serving.ServingServiceReflection.Descriptor, global::Feast.Serving.GrpcServerReflection.Descriptor,
    ];

    [Fact]
    public void The_wire_contract_is_the_one_that_was_published()
    {
        string[] lines = [.. Files.SelectMany(Lines)];
        string path = PathOf();
        if (Environment.GetEnvironmentVariable("ORLEANSFEATURES_WRITE_CONTRACT") == "1")
        {
            File.WriteAllLines(path, lines);
        }

        string[] published = File.ReadAllLines(path);
        published.Except(lines).ShouldBeEmpty("clients in the field rely on these lines");
        lines.Except(published).ShouldBeEmpty("these lines are new: publish them in wire-contract.txt");
    }

    private static IEnumerable<string> Lines(FileDescriptor file) =>
        file.Services.SelectMany(service => service.Methods.Select(MethodLine))
            .Concat(file.MessageTypes.SelectMany(MessageLines))
            .Concat(file.EnumTypes.SelectMany(EnumLines));

    private static string MethodLine(MethodDescriptor method) =>
        $"rpc {method.FullName} ({(method.IsClientStreaming ? "stream " : "")}{method.InputType.FullName}) returns ({(method.IsServerStreaming ? "stream " : "")}{method.OutputType.FullName})";

    private static IEnumerable<string> MessageLines(MessageDescriptor message) =>
        message.Fields.InDeclarationOrder().Select(FieldLine).Concat(message.NestedTypes.SelectMany(MessageLines)).Concat(message.EnumTypes.SelectMany(EnumLines));

    private static string FieldLine(FieldDescriptor field)
    {
        string type = field.FieldType switch
        {
            FieldType.Message => field.MessageType.FullName,
            FieldType.Enum => field.EnumType.FullName,
            _ => field.FieldType.ToString(),
        };
        string oneof = field.ContainingOneof is null ? "" : $" in {field.ContainingOneof.Name}";
        return $"field {field.FullName} = {field.FieldNumber} {(field.IsRepeated ? "repeated " : "")}{type}{oneof}";
    }

    private static IEnumerable<string> EnumLines(EnumDescriptor type) => type.Values.Select(value => $"enum {type.FullName} {value.Name} = {value.Number}");

    private static string PathOf([CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, "wire-contract.txt");
}
