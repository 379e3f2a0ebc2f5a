// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the openmm-lps authors

%feature("docstring") LPSPlugin::LPSModel "
A trained Deep Potential (descriptor se_e2_a, energy fitting), read from a file and checked.

A model never changes; one model may serve any number of LPSForces. Models compare equal if their files have the same bytes.

Parameters
----------
file : str or os.PathLike
    a native model file, or any model file of DeePMD-kit, which is converted in memory

Raises
------
FileNotFoundError
    if there is no such file
openmm.OpenMMException
    if a native file is not a valid model

Examples
--------
>>> model = openmmlps.LPSModel.default()
>>> model.getTypeNames()
['Li', 'P', 'S']
";

%feature("docstring") LPSPlugin::LPSModel::getTypeNames "
getTypeNames(self) -> list[str]
Get the element symbols of the model's types. The index in this list is the type that LPSForce.addParticle() takes.
";
%feature("docstring") LPSPlugin::LPSModel::getTypeIndex "
getTypeIndex(self, symbol) -> int
Get the type of an element.

Parameters
----------
symbol : str
    element symbol as in getTypeNames()

Raises
------
openmm.OpenMMException
    listing the known types if there is none of that name
";
%feature("docstring") LPSPlugin::LPSModel::describeTypes "
describeTypes(self) -> str
Get the types as error messages list them, such as '0 (Li), 1 (P), 2 (S)'.
";
%feature("docstring") LPSPlugin::LPSModel::getNumParameters "
getNumParameters(self) -> int
Get the number of trained numbers: weights, biases and time steps, or table coefficients of a compressed model.
";
%feature("docstring") LPSPlugin::LPSModel::getPrecision "
getPrecision(self) -> str
Get the precision in which the networks were trained: 'single' or 'double'. It limits no platform.
";
%feature("docstring") LPSPlugin::LPSModel::hasUncertainties "
hasUncertainties(self) -> bool
Get whether LPSForce.computeParticleUncertainties() works: the model was calibrated.
";
%feature("docstring") LPSPlugin::LPSModel::getMetadata "
getMetadata(self) -> str
Get a description of the model as JSON: format, format_version, sha256 (that of getHash()), and provenance, the object that the
file carries about its origin. It changes no energy.
";
%feature("docstring") LPSPlugin::LPSModel::getBytes "
getBytes(self) -> bytes
Get the exact bytes of the native model file. They travel inside serialized Systems.
";
%feature("docstring") LPSPlugin::LPSModel::getHash "
getHash(self) -> str
Get the SHA-256 of getBytes(), 64 lower-case hexadecimal digits.
";

namespace LPSPlugin {

%rename(_getCutoff) LPSModel::getCutoff;
%rename(_fromBytes) LPSModel::fromBytes;

%feature("shadow") LPSModel::LPSModel(const std::string& bytes, const std::string& origin) %{
    def __init__(self, file):
        data, origin = _read_model_bytes(file)
        _openmmlps.LPSModel_swiginit(self, _openmmlps.new_LPSModel(data, origin))
%}

class LPSModel {
public:
    %extend {
        LPSModel(const std::string& bytes, const std::string& origin) {
            return new LPSPlugin::LPSModel(LPSPlugin::LPSModel::fromBytes(bytes, origin));
        }
    }
    static LPSModel fromBytes(const std::string& bytes, const std::string& origin);
    const std::vector<std::string>& getTypeNames() const;
    int getTypeIndex(const std::string& symbol) const;
    std::string describeTypes() const;
    double getCutoff() const;
    bool hasUncertainties() const;
    long long getNumParameters() const;
    std::string getPrecision() const;
    std::string getMetadata() const;
    const std::string& getBytes() const;
    const std::string& getHash() const;

    %pythoncode %{
    @staticmethod
    def default():
        """
        default() -> LPSModel
        Read the model that comes with openmmlps, a Deep Potential for Li, P and S.
        """
        from openmmlps._files import find_model
        return LPSModel(find_model(None))

    @staticmethod
    def fromBytes(bytes, origin="model bytes"):
        """
        fromBytes(bytes, origin='model bytes') -> LPSModel
        Read a native model held in memory.

        Parameters
        ----------
        bytes : bytes
            the content of a native model file
        origin : str
            what error messages call it

        Raises
        ------
        openmm.OpenMMException
            if the bytes are not a valid model
        """
        return LPSModel._fromBytes(bytes, origin)

    def getCutoff(self):
        """
        getCutoff(self) -> Quantity
        Get the distance, in nm, beyond which two atoms do not see each other.
        """
        return self._getCutoff()*unit.nanometer

    def __repr__(self):
        return (f"<LPSModel for {', '.join(self.getTypeNames())}; cutoff {self._getCutoff():g} nm; "
                f"{self.getNumParameters()} parameters; {self.getHash()[:12]}>")

    def __eq__(self, other):
        return self.getHash() == other.getHash() if isinstance(other, LPSModel) else NotImplemented

    def __hash__(self):
        return hash(self.getHash())

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        return (LPSModel.fromBytes, (self.getBytes(),))
    %}
};

}  // namespace LPSPlugin
