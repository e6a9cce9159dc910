// Operands that are only read. On a processor they are better bound as texels: drivers fetch those for all invocations
// at once, but numbers of a storage buffer one by one. NAME_texels.comp is NAME.comp with TEXELS.
#ifdef TEXELS
#define OPERAND(number, block, name) layout(set = 0, binding = number) uniform samplerBuffer name;
#define AT(name, i) texelFetch(name, int(i)).x
#else
#define OPERAND(number, block, name)                                \
    layout(set = 0, binding = number) restrict readonly buffer block \
    {                                                               \
        float name[];                                               \
    };
#define AT(name, i) name[i]
#endif
